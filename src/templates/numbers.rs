//! Numbers, amounts of money and plurals in a language. Nothing is calculated here.

use icu_decimal::options::DecimalFormatterOptions;
use icu_decimal::{DecimalFormatter, DecimalFormatterPreferences};
use icu_experimental::dimension::currency::formatter::CurrencyFormatter;
use icu_experimental::dimension::currency::{CurrencyType, options::CurrencyFormatterOptions};
use icu_locale_core::LanguageIdentifier;
use icu_plurals::{PluralCategory, PluralRules, PluralRulesOptions};

pub(super) use icu_decimal::input::Decimal;

/// The categories of the plural, by the names that CLDR gives them.
pub(super) const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];
const ZERO: usize = 0;
/// The place of `one` among the categories.
pub(super) const ONE: usize = 1;
/// The place of `other` among the categories.
pub(super) const OTHER: usize = 5;

/// How many decimals are said where nobody asks for a number of them.
const DECIMALS: i16 = 3;

/// The active codes of ISO 4217 that money is counted in.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB \
    BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB \
    EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD \
    JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP \
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON \
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP \
    TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Whether three letters name a currency.
pub(super) fn is_currency(code: &str) -> bool {
    CURRENCIES.split_ascii_whitespace().any(|known| known == code)
}

/// Reads a number as a program writes it: `12`, `-0.5`, `1e21`.
pub(super) fn read(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// A number, with so many decimals, or with those that it has.
pub(super) fn number(
    locale: &LanguageIdentifier,
    mut number: Decimal,
    decimals: Option<u8>,
) -> Option<String> {
    match decimals {
        Some(decimals) => {
            number.round(-i16::from(decimals));
            number.absolute.pad_end(-i16::from(decimals));
        }
        None => {
            number.round(-DECIMALS);
            number.absolute.trim_end();
        }
    }
    Some(formatter(locale)?.format(&number).to_string())
}

/// An amount, with the decimals and the sign of its currency.
pub(super) fn money(
    locale: &LanguageIdentifier,
    amount: Decimal,
    currency: &str,
) -> Option<String> {
    let currency = CurrencyType::try_from_str(&currency.to_ascii_lowercase()).ok()?;
    let options = CurrencyFormatterOptions::default();
    let formatter = CurrencyFormatter::try_new_symbol(locale.into(), currency, options).ok()?;
    Some(formatter.format_fixed_decimal(&amount).to_string())
}

/// The words for a number, `#` in them replaced by it. What the language has a category for and
/// the words have not is `other`. Words for zero are for nothing at all too, in any language.
pub(super) fn plural(
    locale: &LanguageIdentifier,
    number: Decimal,
    words: &[Option<&str>; 6],
) -> Option<String> {
    let rules = PluralRules::try_new(locale.into(), PluralRulesOptions::default()).ok()?;
    let category = match rules.category_for(&number) {
        _ if number.absolute.is_zero() && words[ZERO].is_some() => ZERO,
        PluralCategory::Zero => ZERO,
        PluralCategory::One => ONE,
        PluralCategory::Two => 2,
        PluralCategory::Few => 3,
        PluralCategory::Many => 4,
        PluralCategory::Other => OTHER,
    };
    let words = words[category].or(words[OTHER])?;
    match words.contains('#') {
        true => Some(words.replace('#', &self::number(locale, number, None)?)),
        false => Some(words.to_owned()),
    }
}

fn formatter(locale: &LanguageIdentifier) -> Option<DecimalFormatter> {
    let how = DecimalFormatterPreferences::from(locale);
    DecimalFormatter::try_new(how, DecimalFormatterOptions::default()).ok()
}
