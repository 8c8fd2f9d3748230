//! The language of a document in eight bytes, to look limits and word lists up by.

use std::fmt;

/// A language as BCP-47 writes it, of primary subtag and script: `zh`, `zh-hant`, `sr-cyrl`; in lower case.
///
/// The codes of three letters that lid.176, GlotLID and FineWeb-2 use are read as those of two letters where there is one:
/// `deu` is `de`, `arb` is `ar`. All of Chinese that is written with Han characters is `zh`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tag([u8; 8]);

impl Tag {
    /// Chinese.
    pub const ZH: Tag = Tag(*b"zh\0\0\0\0\0\0");

    /// English.
    pub const EN: Tag = Tag(*b"en\0\0\0\0\0\0");

    /// What a document has whose language nobody knows.
    pub const UNKNOWN: Tag = Tag([0; 8]);

    /// Reads a tag as pipeline files and models write it: `zh-Hant`, `cmn_Hani`, `en-GB`; region and variants are left out.
    ///
    /// `None` if it is none.
    pub fn read(name: &str) -> Option<Tag> {
        let mut parts = name.split(['-', '_']);
        let primary = parts.next()?.to_ascii_lowercase();
        let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !(2..=3).contains(&primary.len()) || !is_word(&primary) {
            return None;
        }
        let mut tag = Tag::default();
        let primary = shorter(&primary).unwrap_or(&primary);
        tag.0[..primary.len()].copy_from_slice(primary.as_bytes());
        let script = parts.find(|part| part.len() == 4 && is_word(part));
        if let Some(script) = script.map(str::to_ascii_lowercase)
            // Han is no script to tell Chinese apart by.
            && script != "hani"
        {
            let end = tag.as_str().len();
            tag.0[end] = b'-';
            tag.0.get_mut(end + 1..end + 5)?.copy_from_slice(script.as_bytes());
        }
        Some(tag)
    }

    /// Returns the tag without its script.
    pub fn primary(self) -> Tag {
        let mut primary = Tag::default();
        let end = self.0.iter().position(|&byte| byte == b'-').unwrap_or(self.0.len());
        primary.0[..end].copy_from_slice(&self.0[..end]);
        primary
    }

    /// Returns the tag as text, empty if it is unknown.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// ISO 639-3 codes, and macrolanguages of them, that have a code of two letters in ISO 639-1.
const SHORTER: &str = "\
    aar=aa abk=ab afr=af aka=ak als=sq amh=am ara=ar arb=ar asm=as aze=az azj=az bak=ba bel=be ben=bn bod=bo bos=bs \
    bre=br bul=bg cat=ca ces=cs chv=cv cmn=zh cos=co cym=cy dan=da deu=de div=dv dzo=dz ekk=et ell=el eng=en epo=eo \
    est=et eus=eu ewe=ee fao=fo fas=fa fil=tl fin=fi fra=fr fry=fy gaz=om gla=gd gle=ga glg=gl grn=gn guj=gu hat=ht \
    hau=ha hbs=sh heb=he hin=hi hrv=hr hun=hu hye=hy ibo=ig ina=ia ind=id isl=is ita=it jav=jv jpn=ja kal=kl kan=kn \
    kas=ks kat=ka kaz=kk khk=mn khm=km kin=rw kir=ky kmr=ku kor=ko kur=ku lao=lo lat=la lav=lv lim=li lin=ln lit=lt \
    ltz=lb lug=lg lvs=lv lzh=zh mal=ml mar=mr mkd=mk mlg=mg mlt=mt mon=mn mri=mi msa=ms mya=my nep=ne nld=nl nno=nn \
    nob=nb nor=no npi=ne nya=ny oci=oc ori=or orm=om ory=or oss=os pan=pa pes=fa plt=mg pol=pl por=pt prs=fa pus=ps \
    que=qu roh=rm ron=ro run=rn rus=ru sag=sg san=sa sin=si slk=sk slv=sl smo=sm sna=sn snd=sd som=so sot=st spa=es \
    sqi=sq srd=sc srp=sr ssw=ss sun=su swa=sw swe=sv swh=sw tah=ty tam=ta tat=tt tel=te tgk=tg tgl=tl tha=th tir=ti \
    ton=to tsn=tn tso=ts tuk=tk tur=tr twi=tw uig=ug ukr=uk urd=ur uzb=uz uzn=uz ven=ve vie=vi vol=vo wln=wa wol=wo \
    wuu=zh xho=xh ydd=yi yid=yi yor=yo yue=zh zha=za zho=zh zsm=ms zul=zu";

/// Returns the code of two letters for one of three.
fn shorter(primary: &str) -> Option<&'static str> {
    let mut pairs = SHORTER.split(' ').filter_map(|pair| pair.split_once('='));
    match primary.len() {
        3 => pairs.find(|(long, _)| *long == primary).map(|(_, short)| short),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_keeps_primary_subtag_and_script() {
        for (name, expected) in [
            ("en", "en"),
            ("en-GB", "en"),
            ("zh-Hant-TW", "zh-hant"),
            ("cmn_Hani", "zh"),
            ("yue-Hant", "zh-hant"),
            ("srp_Cyrl", "sr-cyrl"),
            ("deu_Latn", "de-latn"),
            ("kmr", "ku"),
            ("ceb", "ceb"),
            ("zha", "za"),
        ] {
            assert_eq!(Tag::read(name).map(|tag| tag.as_str().to_owned()), Some(expected.into()));
        }
        for name in ["", "e", "english", "e1", "*", "-"] {
            assert_eq!(Tag::read(name), None, "{name}");
        }
        assert_eq!(Tag::read("zh-Hant").map(Tag::primary), Some(Tag::ZH));
        assert_eq!(Tag::UNKNOWN.primary(), Tag::UNKNOWN);
    }
}
