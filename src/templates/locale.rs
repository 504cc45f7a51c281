//! The languages of templates: which file names are well-formed tags, and which file a customer
//! gets. Nothing here guesses a language from an address or a country.

use icu_locale_core::LanguageIdentifier;

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
    let parsed = LanguageIdentifier::try_from_str(tag).map_err(|_| {
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

/// The tags to look for, the best first: `th-TH`, `th`. The default, "", always comes last.
pub(super) fn fallback(locale: Option<&str>) -> Vec<String> {
    let tag = locale.unwrap_or("").trim().replace('_', "-");
    let mut chain = Vec::new();
    if let Ok(full) = LanguageIdentifier::try_from_str(&tag) {
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
pub(super) fn is_right_to_left(locale: &str) -> bool {
    ["ar", "fa", "he", "ur"].contains(&locale.split('-').next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_must_name_a_language() {
        assert_eq!(canonical("TH-th").as_deref(), Ok("th-TH"));
        assert_eq!(canonical("zh-hant-tw").as_deref(), Ok("zh-Hant-TW"));
        assert_eq!(canonical("fil").as_deref(), Ok("fil"));
        for wrong in ["", "jp", "english", "und", "th_TH_x_y_z!", "de..", "x", "foo.bar"] {
            assert!(canonical(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_nearest_language_is_tried_first() {
        assert_eq!(fallback(Some("th-TH")), ["th-TH", "th", ""]);
        assert_eq!(fallback(Some("zh_hant_TW")), ["zh-Hant-TW", "zh-Hant", "zh", ""]);
        assert_eq!(fallback(Some("de")), ["de", ""]);
        for none in [None, Some(""), Some("not a locale"), Some("<script>")] {
            assert_eq!(fallback(none), [""], "{none:?}");
        }
    }

    #[test]
    fn right_to_left_is_a_matter_of_the_language() {
        assert!(is_right_to_left("ar-EG") && is_right_to_left("he"));
        assert!(!is_right_to_left("arn") && !is_right_to_left(""));
    }
}
