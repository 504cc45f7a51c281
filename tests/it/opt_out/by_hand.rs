//! Opting somebody out by hand, by the company's own id: their addresses go with them.

use rstest::rstest;

use super::*;

/// Ana and Ben are behind one address; Cy is somewhere else. There is news for all of them.
async fn club(on: On) -> Club {
    let club = Club::new(on).await;
    club.member("ANA", "Ana@example.com", "en", "service offers");
    club.member("BENN", "ana@example.com", "en", "service offers");
    club.member("CY", "cy@example.com", "en", "service");
    club
}

/// How many messages went to an address.
fn mail_to(club: &Club, address: &str) -> usize {
    let mail = program::files(&club.path().join("mail"));
    let has = |mail: &&Vec<u8>| String::from_utf8_lossy(mail).to_lowercase().contains(address);
    mail.values().filter(has).count()
}

#[rstest]
#[tokio::test]
async fn nobody_at_an_address_of_theirs_is_written_to(#[values(On::Sqlite, On::Postgres)] on: On) {
    let club = club(on).await;
    let said = club.lookout("suppress ANA").fine();
    insta::allow_duplicates! { insta::assert_snapshot!("opted_out_by_id", said) };
    assert_eq!(club.lookout("suppress ANA").fine(), ALREADY);
    let told = [
        "offers-news ANA suppressed",
        "offers-news BENN suppressed",
        "service-news ANA suppressed",
        "service-news BENN suppressed",
        "service-news CY contact",
    ];
    assert_eq!(club.run(4), told);
    assert_eq!((mail_to(&club, "ana@example.com"), mail_to(&club, "cy@example.com")), (0, 1));
    // One command undoes what one command did.
    assert_eq!(
        club.lookout("unsuppress ANA").fine(),
        "1 customer or address may be contacted again.\n"
    );
    assert!(club.suppressions().is_empty());
    assert!(club.run(5).contains(&"service-news BENN contact".to_owned()));
}

const ALREADY: &str = "Nothing changed: 1 customer or address was suppressed already.\n";

#[rstest]
#[tokio::test]
async fn a_topic_is_refused_for_their_addresses_too(#[values(On::Sqlite, On::Postgres)] on: On) {
    let club = club(on).await;
    let told = club.lookout("suppress ANA --topic offers --format json").json();
    assert_eq!(
        (&told["changed"], &told["addresses"], &told["unread"]),
        (&1.into(), &2.into(), &Value::Null)
    );
    let told = club.run(4);
    for expected in ["offers-news BENN suppressed", "service-news BENN contact"] {
        assert!(told.contains(&expected.to_owned()), "{told:?}");
    }
    // Lifting everything else lifts nothing of it.
    let said = club.lookout("unsuppress ANA").fine();
    assert!(said.contains("Still suppressed for offers"), "{said}");
    assert_eq!(club.suppressions().len(), 3);
    club.lookout("unsuppress ANA --topic offers").fine();
    assert!(club.suppressions().is_empty());
}

#[rstest]
#[case::away("club.db", "")]
#[case::renamed("rules/signals/customers.sql", "SELECT nobody AS customer_id FROM members")]
#[tokio::test]
async fn opting_out_does_not_fail_with_the_companys_data(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[case] file: &str,
    #[case] becomes: &str,
) {
    let club = club(on).await;
    assert!(club.run(4).contains(&"service-news ANA contact".to_owned()));
    let before = fs::read(club.path().join(file)).unwrap();
    fs::remove_file(club.path().join(file)).unwrap();
    if !becomes.is_empty() {
        club.write(file, becomes);
    }
    // Their address is known from the message that they got; Dan never got any.
    for (who, known) in [("ANA", "earlier messages went to"), ("DAN", "no message ever told")] {
        let said = club.lookout(&format!("suppress {who}"));
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(
            said.out.starts_with("1 customer or address will not be contacted"),
            "{}",
            said.out
        );
        assert!(said.err.starts_with("The company's data could not be asked"), "{}", said.err);
        assert!(said.err.contains(known), "{}", said.err);
    }
    let suppressed = [
        "ANA * * refused",
        "ANA mailto:ana@example.com * refused",
        "ANA tel:+492215553 * refused",
        "DAN * * refused",
    ];
    assert_eq!(club.suppressions(), suppressed);
    fs::write(club.path().join(file), before).unwrap();
    club.sql("INSERT INTO members VALUES ('DAN', 'Ms DAN', 'dan@example.com', '', 'en', 'offers')");
    let again = club.lookout("suppress DAN").fine();
    assert_eq!(
        again,
        "1 customer or address was suppressed already.\nNor will whoever else is at dan@example.com.\n"
    );
}
