//! The links of messages: what a GET shows, and what a POST does.

use std::time::Duration;

use rstest::rstest;

use super::*;

/// A club that has told Ana, whose language is German, about service, offers and security.
async fn club(on: On) -> Club {
    let club = Club::new(on).await;
    club.member("ANA", "Ana@example.com", "de-AT", "service offers security");
    let told = ["offers-news ANA contact", "security-news ANA contact", "service-news ANA contact"];
    assert_eq!(club.run(4), told);
    // The next news are about something else.
    club.sql("UPDATE members SET told = ''");
    assert_eq!(club.run(5), Vec::<String>::new());
    club.sql("UPDATE members SET told = 'service offers security'");
    club
}

const SUPPRESSED: [&str; 2] =
    ["ANA mailto:ana@example.com service refused", "ANA tel:+492215553 service refused"];

#[rstest]
#[tokio::test]
async fn a_get_changes_nothing_and_a_post_stops_the_topic(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let club = club(on).await;
    let listener = Listener::start(&club);
    let path = path(&club.outreach("service-news", "ANA"));

    let page = listener.get(&path);
    assert_eq!(page.status, 200);
    insta::allow_duplicates! { insta::assert_snapshot!("page", page.body) };
    let head = listener.ask("HEAD", &path, &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), page.header("content-length"));
    assert!(club.suppressions().is_empty());

    let done = listener.click(&path);
    assert_eq!(done.status, 200);
    assert!(done.body.contains("keine Nachrichten mehr zu „Ihre Mitgliedschaft“"), "{}", done.body);
    assert_eq!(club.suppressions(), SUPPRESSED);
    assert_eq!(listener.click(&path).status, 200);
    assert_eq!(club.suppressions(), SUPPRESSED);
    let told =
        ["offers-news ANA contact", "security-news ANA contact", "service-news ANA suppressed"];
    assert_eq!(club.dry_run(6), told);

    let (code, logs) = listener.end();
    assert_eq!(code, 0, "{logs}");
    assert!(logs.contains("opted out") && logs.contains("service-news"), "{logs}");
    let personal = ["example.com", "Ana", "ANA", "492215553", KEY];
    assert!(!personal.iter().any(|word| logs.contains(word)), "{logs}");
}

#[rstest]
#[tokio::test]
async fn one_button_stops_everything_but_what_is_necessary(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let club = club(on).await;
    let listener = Listener::start(&club);
    let done = listener.form(&path(&club.outreach("offers-news", "ANA")), "stop=all");
    assert_eq!(done.status, 200);
    let everything = ["ANA mailto:ana@example.com * refused", "ANA tel:+492215553 * refused"];
    assert_eq!(club.suppressions(), everything);
    let told =
        ["offers-news ANA suppressed", "security-news ANA contact", "service-news ANA suppressed"];
    assert_eq!(club.dry_run(6), told);
}

#[rstest]
#[tokio::test]
async fn two_people_behind_one_address_are_one(#[values(On::Sqlite, On::Postgres)] on: On) {
    let club = club(on).await;
    let listener = Listener::start(&club);
    assert_eq!(listener.click(&path(&club.outreach("service-news", "ANA"))).status, 200);
    club.sql("UPDATE members SET told = 'offers'");
    // Ana is not even on the table when there is news for Ben, who shares her address, or for Cy,
    // who shares her telephone.
    club.member("BEN", "ana@EXAMPLE.com", "en", "service");
    club.member("CY", "cy@example.com", "en", "service");
    club.sql("UPDATE members SET phone = '+49 221 5553' WHERE customer_id = 'CY'");
    let told =
        ["offers-news ANA contact", "service-news BEN suppressed", "service-news CY suppressed"];
    assert_eq!(club.dry_run(6), told);
}

#[tokio::test]
async fn what_is_necessary_says_so() {
    let club = club(On::Sqlite).await;
    let listener = Listener::start(&club);
    let path = path(&club.outreach("security-news", "ANA"));
    let necessary = "Nachrichten zu „security“ sind notwendig";
    let page = listener.get(&path);
    assert!(page.status == 200 && page.body.contains(necessary), "{page:?}");
    assert!(!page.body.contains("value=\"topic\""), "{page:?}");
    for refused in [listener.click(&path), listener.form(&path, "stop=topic")] {
        assert!(refused.status == 409 && refused.body.contains(necessary), "{refused:?}");
    }
    assert!(club.suppressions().is_empty());
    assert_eq!(listener.form(&path, "stop=all").status, 200);
    assert_eq!(club.suppressions().len(), 2);
}

#[tokio::test]
async fn a_forged_link_is_no_link() {
    let club = club(On::Sqlite).await;
    let listener = Listener::start(&club);
    let good = path(&club.outreach("service-news", "ANA"));
    let unknown = path(&OutreachKey::from("0".repeat(32)));
    let changed = format!("{}0", &good[..good.len() - 1]);
    let changed = if changed == good { format!("{}1", &good[..good.len() - 1]) } else { changed };
    let cut = &good[..good.len() - 1];
    let elsewhere = good.replace("/care/stop/", "/care/");
    let paths = ["/", "/care/stop", "/care/stop/", &unknown, &changed, cut, &elsewhere, "*"];
    for path in paths {
        for answer in [listener.get(path), listener.click(path)] {
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.body.contains("This link is not valid"), "{path}: {answer:?}");
        }
    }
    assert!(club.suppressions().is_empty());
    // A proxy may take the path of the url away; a query is of no interest.
    let bare = good.strip_prefix("/care/stop").unwrap();
    assert_eq!(listener.click(&format!("{bare}?utm=1")).status, 200);
    assert_eq!(club.suppressions(), SUPPRESSED);
}

#[tokio::test]
async fn what_is_no_answer_changes_nothing() {
    let club = club(On::Sqlite).await;
    let listener = Listener::start(&club);
    let path = path(&club.outreach("service-news", "ANA"));
    let form = "Content-Type: application/x-www-form-urlencoded";
    let long = format!("List-Unsubscribe=One-Click&x={}", "x".repeat(20_000));
    for (method, kind, body, status) in [
        ("POST", form, "", 400),
        ("POST", form, "List-Unsubscribe=Two-Clicks", 400),
        ("POST", form, &long, 413),
        ("POST", "Content-Type: application/json", "{}", 415),
        ("PUT", form, "List-Unsubscribe=One-Click", 405),
        ("DELETE", form, "List-Unsubscribe=One-Click", 405),
    ] {
        assert_eq!(listener.ask(method, &path, &[kind], body).status, status, "{method} {kind}");
    }
    assert!(club.suppressions().is_empty());
    let parts = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let kind = "Content-Type: multipart/form-data; boundary=b";
    assert_eq!(listener.ask("POST", &path, &[kind], parts).status, 200);
    assert_eq!(club.suppressions(), SUPPRESSED);
}

#[tokio::test]
async fn a_page_keeps_to_itself() {
    let club = club(On::Sqlite).await;
    let listener = Listener::start(&club);
    let path = path(&club.outreach("service-news", "ANA"));
    for answer in [listener.get(&path), listener.click(&path), listener.get("/")] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-robots-tag"), Some("noindex, nofollow"));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        let security = answer.header("content-security-policy").unwrap();
        assert!(security.starts_with("default-src 'none'"), "{security}");
        assert!(!security.contains("script-src") && !answer.body.contains("<script"));
        assert!(!answer.body.contains("example.com") && !answer.body.contains("Ana"));
    }
    // Where the language of the customer is unknown, the browser's is taken.
    let french = listener.ask("GET", "/", &["Accept-Language: fr-CH, en;q=0.5"], "");
    assert!(french.body.contains("Ce lien n’est pas valable"), "{}", french.body);
}

#[rstest]
#[tokio::test]
async fn nothing_is_answered_with_200_that_is_not_committed(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let club = club(on).await;
    let listener = Listener::start(&club);
    let path = path(&club.outreach("service-news", "ANA"));
    assert_eq!(listener.get(&path).status, 200);
    let hold = club.hold().await;
    let away = listener.click(&path);
    assert_eq!(away.status, 503, "{away:?}");
    assert!(away.body.contains("try again") && away.header("retry-after").is_some(), "{away:?}");
    hold.end().await;
    assert!(club.suppressions().is_empty());
    assert_eq!(listener.click(&path).status, 200);
    assert_eq!(club.suppressions(), SUPPRESSED);
}

#[tokio::test]
async fn told_to_end_it_finishes_what_it_has_begun() {
    let club = club(On::Sqlite).await;
    let listener = Listener::start(&club);
    let path = path(&club.outreach("service-news", "ANA"));
    let mut begun = TcpStream::connect(("127.0.0.1", listener.port)).unwrap();
    begun.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\nContent-Length: 26\r\n\r\n"
    );
    begun.write_all(head.as_bytes()).unwrap();
    // It asks for the rest, so it has taken the request.
    let mut said = [0; 25];
    begun.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    let ending = std::thread::spawn(move || listener.end());
    begun.write_all(b"List-Unsubscribe=One-Click").unwrap();
    let mut rest = String::new();
    begun.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200"), "{rest}");
    assert_eq!(ending.join().unwrap().0, 0);
    assert_eq!(club.suppressions(), SUPPRESSED);
}
