//! The languages of templates: which file names are well-formed tags, and which file a customer
//! gets. Nothing here guesses a language from an address or a country.

use icu_locale_core::LanguageIdentifier;
use icu_locale_core::subtags::{Language, language};

/// The two-letter codes of ISO 639-1.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce \
    ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv \
    ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr \
    ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn \
    no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so \
    sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh \
    yi yo za zh zu";

/// The canonical form of a BCP 47 tag whose language exists, or why there is none.
pub(super) fn canonical(tag: &str) -> Result<String, String> {
    let strict = Some(tag).filter(|tag| !tag.contains(['_', ' ']));
    let parsed = strict.and_then(parse).ok_or_else(|| {
        format!("`{tag}` is no language tag; write a language, and a country where it matters: de, th, pt-BR")
    })?;
    let language = parsed.language.as_str();
    let exists = match language.len() {
        2 => LANGUAGES.split_ascii_whitespace().any(|known| known == language),
        3 => language != "und",
        _ => false,
    };
    if !exists {
        return Err(format!(
            "there is no language `{language}`; write its code of two letters: en, de, th, ja"
        ));
    }
    Ok(parsed.to_string())
}

/// Reads a tag, whatever separates its parts, with the language under the code it has today.
pub(super) fn parse(tag: &str) -> Option<LanguageIdentifier> {
    /// What CLDR calls them by now.
    const TODAY: [(&str, Language); 5] = [
        ("tl", language!("fil")),
        ("iw", language!("he")),
        ("in", language!("id")),
        ("ji", language!("yi")),
        ("no", language!("nb")),
    ];
    let mut parsed = LanguageIdentifier::try_from_str(&tag.trim().replace('_', "-")).ok()?;
    let today = TODAY.into_iter().find(|(old, _)| parsed.language.as_str() == *old);
    if let Some((_, today)) = today {
        parsed.language = today;
    }
    Some(parsed)
}

/// The tags to look for, the best first: `th-TH`, `th`. The default, "", always comes last.
pub(super) fn fallback(locale: Option<&str>) -> Vec<String> {
    let mut chain = Vec::new();
    if let Some(full) = locale.and_then(parse) {
        let mut shorter = full;
        chain.push(shorter.to_string());
        shorter.variants.clear();
        chain.push(shorter.to_string());
        shorter.region = None;
        chain.push(shorter.to_string());
        shorter.script = None;
        chain.push(shorter.to_string());
        chain.dedup();
    }
    chain.push(String::new());
    chain
}

/// Whether a language is written from right to left.
pub(super) fn is_right_to_left(locale: &LanguageIdentifier) -> bool {
    const LANGUAGES: [&str; 9] = ["ar", "ckb", "dv", "fa", "he", "ps", "ug", "ur", "yi"];
    const SCRIPTS: [&str; 7] = ["Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"];
    match locale.script {
        Some(script) => SCRIPTS.contains(&script.as_str()),
        None => LANGUAGES.contains(&locale.language.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_must_name_a_language() {
        assert_eq!(canonical("TH-th").as_deref(), Ok("th-TH"));
        assert_eq!(canonical("zh-hant-tw").as_deref(), Ok("zh-Hant-TW"));
        assert_eq!(canonical("fil").as_deref(), Ok("fil"));
        assert_eq!(canonical("tl").as_deref(), Ok("fil"));
        for wrong in ["", "jp", "english", "und", "th_TH_x_y_z!", "de..", "x", "foo.bar"] {
            assert!(canonical(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_nearest_language_is_tried_first() {
        assert_eq!(fallback(Some("th-TH")), ["th-TH", "th", ""]);
        assert_eq!(fallback(Some("zh_hant_TW")), ["zh-Hant-TW", "zh-Hant", "zh", ""]);
        assert_eq!(fallback(Some("de")), ["de", ""]);
        assert_eq!(fallback(Some("tl-PH")), ["fil-PH", "fil", ""]);
        for none in [None, Some(""), Some("not a locale"), Some("<script>")] {
            assert_eq!(fallback(none), [""], "{none:?}");
        }
    }

    #[test]
    fn right_to_left_is_a_matter_of_the_language() {
        let is = |tag: &str| is_right_to_left(&parse(tag).unwrap());
        assert!(is("ar-EG") && is("he") && is("iw") && is("pa-Arab"));
        assert!(!is("arn") && !is("en") && !is("ar-Latn"));
    }
}
