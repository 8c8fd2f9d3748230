//! `corpusmill rules`: the manual pages of the rules.

use anyhow::anyhow;
use filters::Config;
use serde_json::{Value, json};

use crate::args;
use crate::config::suggest;
use crate::failure::Failure;
use crate::output::{print, print_json};

/// Prints one manual page with the default settings, or the list of all rules.
pub(crate) fn rules(args: &args::Rules) -> Result<(), Failure> {
    match &args.name {
        Some(name) => one(name, args.json),
        None => all(args.json),
    }
}

fn one(name: &str, as_json: bool) -> Result<(), Failure> {
    let (Some(page), Some(config)) = (Config::manual(name), Config::named(name)) else {
        let hint = suggest(name, &Config::ALL, "rules");
        return Err(Failure::Refused(anyhow!("there is no rule `{name}`\nhint: {hint}")));
    };
    if as_json {
        return Ok(print_json(&entry(name, page, &config)?)?);
    }
    print(page)?;
    print("")?;
    print("Keys and defaults:")?;
    for line in defaults(&config)?.lines() {
        print(format_args!("  {line}"))?;
    }
    Ok(())
}

fn all(as_json: bool) -> Result<(), Failure> {
    let pages = Config::ALL
        .iter()
        .filter_map(|name| Some((*name, Config::manual(name)?, Config::named(name)?)));
    if as_json {
        let entries = pages.map(|(name, page, config)| entry(name, page, &config));
        return Ok(print_json(&entries.collect::<anyhow::Result<Vec<Value>>>()?)?);
    }
    let width = Config::ALL.iter().map(|name| name.len()).max().unwrap_or(0);
    for (name, page, _) in pages {
        print(format_args!("{name:width$}  {}", page.lines().next().unwrap_or_default()))?;
    }
    Ok(())
}

fn entry(name: &str, page: &str, config: &Config) -> anyhow::Result<Value> {
    let settings = serde_json::to_value(config)?;
    Ok(json!({ "name": name, "manual": page, "defaults": settings.get(name) }))
}

/// Returns the settings of a rule as a pipeline file would hold them; keys without a default are not among them.
fn defaults(config: &Config) -> anyhow::Result<String> {
    let written = toml::Table::try_from(config)?;
    let settings = written.get(config.name()).cloned().unwrap_or(toml::Value::Boolean(true));
    Ok(toml::to_string(&settings)?)
}
