//! The texts that parse as a link, and the errors for all others.

use koodrive_share::{ShareLink, ValidationError};

const UUID: &str = "5f0c7a8e-3f1b-4c59-9d57-0a4f5e1b2c3d";

fn read(text: &str) -> Result<String, String> {
    let link = text.parse::<ShareLink>();
    link.map(|link| link.short_url().to_owned()).map_err(|error| {
        let [violation] = error.violations() else { panic!("one rule, not {error}") };
        assert_eq!((&*violation.path, violation.rule), ("link", "share-link"));
        violation.actual.clone()
    })
}

#[test]
fn a_link_is_read_from_whatever_people_copy() {
    let number = "1808628918203192832";
    let link = format!("https://drive.example.com/cloudfile/#/sharelink/i/{number}");
    for text in [
        number.to_owned(),
        format!(" {number}\n"),
        link.clone(),
        format!("\t{link} \r\n"),
        format!("{link}?from=mail"),
        format!("{link}/"),
        format!("“holidays” was shared with you: {link}. Extract code: 31945314"),
        format!("分享链接:{link}，提取码:31945314"),
        format!("<a href=\"{link}\">{link}</a>"),
        format!("http://drive.example.com:8443/sharelink/i/{number}"),
        format!("drive.example.com/cloudfile/#/sharelink/i/{number}"),
    ] {
        assert_eq!(read(&text).as_deref(), Ok(number), "{text}");
    }
    assert_eq!(read(&format!("https://h/cloudfile/#/sharelink/i/{UUID}")).as_deref(), Ok(UUID));
    assert_eq!(read(UUID).as_deref(), Ok(UUID));
}

#[test]
fn what_is_no_link_is_refused_with_what_was_recognised() {
    let link = "https://h/cloudfile/#/sharelink/i/";
    for (text, recognised) in [
        ("", "nothing"),
        ("  \n", "nothing"),
        ("https://drive.google.com/file/d/1a2b/view?usp=sharing", "a link to \"drive.google.com\""),
        ("see https://me:s3cret@example.com/x", "a link to \"example.com\""),
        ("https://\u{1b}[31m/", "a link to \"\\u{1b}[31m\""),
        ("code: 31945314", "14 characters without a link"),
        ("一八零八", "4 characters without a link"),
        (link, "a share link without its short code"),
        (&format!("{link}?a"), "a share link without its short code"),
        (&format!("{link}1 {link}2"), "2 links"),
    ] {
        assert_eq!(read(text), Err(recognised.to_owned()), "{text}");
    }
}

#[test]
fn the_refusal_says_what_to_do_and_shows_no_secret() {
    let error: ValidationError = "https://user:s3cret@example.com/f?code=31945314".parse::<ShareLink>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a rule is broken: link: must hold one share link, or be its short code, given a link to \"example.com\" \
         (share-link); copy the link, as in https://…/cloudfile/#/sharelink/i/1808628918203192832"
    );
}
