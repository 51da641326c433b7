//! What the detectors hold to together.

use super::*;
use proptest::prelude::*;

fn redacted(text: &str) -> String {
    Record::default().redact(&Detector::new(&Known::default()), text)
}

fn with(known: &Known, text: &str) -> String {
    Record::default().redact(&Detector::new(known), text)
}

#[test]
fn a_persons_values_go_in_any_script_and_whatever_is_done_to_them() {
    for (text, expected) in [
        ("Reach her at jane.doe@example.org or +1 202 555 0143", "Reach her at [email-1] or [phone-1]"),
        ("jane (at) example (dot) org", "[email-1]"),
        ("Write to jane at example dot org", "Write to [email-1]"),
        ("Escribir a jane arroba example punto org", "Escribir a [email-1]"),
        ("почта: ivan собака example точка ru", "почта: [email-1]"),
        ("jane @ example . org", "[email-1]"),
        ("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｏｒｇ", "[email-1]"),
        ("jane@\u{200b}exam\u{ad}ple.org", "[email-1]"),
        ("jаne@exаmple.оrg with Cyrillic letters", "[email-1] with Cyrillic letters"),
        ("шماره ۰۹۱۲ ۳۴۵ ۶۷۸۹", "шماره [phone-1]"),
        ("هاتف ٠١٠ ١٢٣٤ ٥٦٧٨", "هاتف [phone-1]"),
        ("फ़ोन ९८७६५ ४३२१०", "फ़ोन [phone-1]"),
        ("ဖုန်း ၀၉ ၄၂၁ ၂၃၄ ၅၆၇", "ဖုန်း [phone-1]"),
        ("โทร ๐๘๑-๒๓๔-๕๖๗๘", "โทร [phone-1]"),
        ("ტელეფონი 599 12 34 56", "ტელეფონი [phone-1]"),
        ("ስልክ 0911 23 45 67", "ስልክ [phone-1]"),
        ("電話：０９１２－３４５－６７８", "電話：[phone-1]"),
        ("call 5 5 5 0 1 4 3 2 1 0", "call [phone-1]"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "IBAN [iban-1]"),
        ("card 4111-1111-1111-1111 and IMEI 490154203237518", "card [card-1] and IMEI [device-1]"),
        ("victim's IP was 203.0.113.7", "victim's IP was [ip-1]"),
        ("CPF 111.444.777-35, NIE X1234567L, SSN 078-05-1120", "CPF [id-1], NIE [id-2], SSN [id-3]"),
        ("passport: ZZ 45 26 02 T", "passport: [id-1]"),
        ("Lives at 12 Rue de la Paix, 75002 Paris. She works.", "Lives at [address-1]. She works."),
        ("born 1990-05-17, seen 2024-05-17", "born [birth-1], seen 2024-05-17"),
        ("her phone was at 48.858370, 2.294481", "her phone was at [coordinates-1]"),
        ("[accessnow #48213] and ticket 99123", "[accessnow #[ticket-1]] and ticket [ticket-2]"),
        ("C:\\Users\\mgarcia\\x.exe, /home/jdoe/.ssh, /home/user/x", "C:\\Users\\[user-1]\\x.exe, /home/[user-2]/.ssh, /home/user/x"),
        ("password: hunter2, otp 123456", "password: [secret-1], otp [secret-2]"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [key-1]"),
        ("https://user:pw@mail.example.org/x", "[url-1]"),
        ("open https://mail.example.org/reset?token=8f3a99c1d2", "open [url-1]"),
        ("follow @jane_doe on https://www.instagram.com/jane.doe/", "follow [handle-1] on [handle-2]"),
        ("my name is José Álvarez", "my name is [name-1]"),
        ("меня зовут Иван Петров, я журналист", "меня зовут [name-1], я журналист"),
        ("اسمي محمد علي", "اسمي [name-1]"),
        // A name may begin like a word for a thing.
        ("اسم من گوشی مینژاتو است.", "اسم من [name-1] است."),
        ("我叫王小明，記者", "我叫[name-1]，記者"),
    ] {
        assert_eq!(redacted(text), expected, "{text}");
    }
}

#[test]
fn a_number_beside_the_end_of_a_line_and_a_name_behind_a_copula_are_read_to_their_own_ends() {
    for (text, expected) in [
        ("Call me at 5\n3rd floor", "Call me at 5\n3rd floor"),
        ("call 12 345\n67abc", "call 12 345\n67abc"),
        ("id: 5 7\n6.7.8.9", "id: 5 7\n6.7.8.9"),
        ("x 12\u{2028}3a", "x 12\u{2028}3a"),
        ("ชื่อชื่อ日", "ชื่อชื่อ日"),
        ("ชื่อ คือ สมชายชาติ ใจดีมาก", "ชื่อ คือ [name-1]"),
    ] {
        assert_eq!(redacted(text), expected, "{text}");
    }
}

#[test]
fn what_was_broken_set_apart_or_escaped_goes_in_one_piece() {
    let known = Known::default().name("Anna Kim");
    for (text, expected) in [
        ("Write to jane.doe@\nexample.org", "Write to [email-1]"),
        ("Write to j a n e . d o e @ e x a m p l e . o r g today", "Write to [email-1] today"),
        ("jane.doe%40example.org or jane&#64;example&period;org", "[email-1] or [email-2]"),
        ("Her number: +254 712\n345 678", "Her number: [phone-1]"),
        ("%2B254%20712%20345%20678", "[phone-1]"),
        ("card 4111 1111\n1111 1111", "card [card-1]"),
        ("card 4111/1111/1111/1111", "card [card-1]"),
        ("Her CPF is 111/444/777/35", "Her CPF is [id-1]"),
        ("Her CPF is 111 444\n777 35", "Her CPF is [id-1]"),
        ("IBAN DE89 - 3704 - 0044 - 0532 - 0130 - 00", "IBAN [iban-1]"),
        ("IBAN DE89 3704 0044\n0532 0130 00", "IBAN [iban-1]"),
        ("victim's IP was 203&#46;0&#46;113&#46;7", "victim's IP was [ip-1]"),
        ("My name is Anna Petrova, calling", "My name is [name-1], calling"),
        ("My name is Maria\u{202f}\u{2007}Petrova, calling", "My name is [name-1], calling"),
        ("제 이름은 김은현입니다", "제 이름은 [name-1]입니다"),
        ("我叫楊 晴婷，記者", "我叫[name-1]，記者"),
        ("私の名前はサトウ ハナコです", "私の名前は[name-1]です"),
        ("&#x410;&#x43d;&#x43d;&#x430; %D0%9A%D0%B8%D0%BC", "[name-1]"),
    ] {
        assert_eq!(with(&known, text), expected, "{text}");
    }
    let columns = "port 8080\n8443\n120 300\n17 2024\n2025 12\n+1\n20 500";
    assert_eq!(redacted(columns), columns);
}

#[test]
fn what_is_an_attackers_or_nobodys_stays() {
    for text in [
        "C2 at 203.0.113.7 and evil[.]example, hxxps://evil[.]example/a/b.php",
        "the phishing server was 203.0.113.7:8443",
        "203.0.113.7\nevil.example\n198.51.100.0/24",
        "attacker mailbox support@evil.top, hash d41d8cd98f00b204e9800998ecf8427e",
        "sha256 b558dd685c94a3cc80469bb2afccf7940fad1f8e0741913ec87d40c932aee96f",
        "CVE-2021-44228, T1059.001, KB5034441, version 10.0.19045.3930, port 8443",
        "on 2024-01-31 at 12:30:45, 31/01/2024, epoch 1706702400",
        "1,234,567 downloads, 1 234 567 bytes, $1200, 99.5 %",
        "report_20240131.pdf and invoice-2024-0099.docx",
        "scammer's number +44 7700 900123",
        "com.example.app 1.2.3 on Android 14",
        "mutex Global\\{12345678-1234-1234-1234-123456789012}",
        "no personal data in this sentence, which is as long as another.",
        "Сервер злоумышленника: 203.0.113.7, домен evil.example",
        "the libhello.so of build 20240131120000",
        "look at example.com",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_is_known_decides_before_what_the_text_says() {
    let known =
        Known::default().deny_list("ngo.example\nAnna Kim\n+254 712 345 678\nhq-device-17").keep("bad@evil.example").keep("198.51.100.9");
    for (text, expected) in [
        ("hxxps://vpn.ngo[.]example/login", "[url-1]"),
        ("mail.ngo.example and someone@desk.ngo.example", "[domain-1] and [email-1]"),
        ("Her friend bad@evil.example, victim at 198.51.100.9", "Her friend bad@evil.example, victim at 198.51.100.9"),
        ("Her friend bad[at]evil[.]example", "Her friend bad[at]evil[.]example"),
        ("ANNA KIM; kim anna; Анна Ким; annakim", "[name-1]; [name-2]; [name-3]; [name-4]"),
        ("build 0712345678 bytes", "build [phone-1] bytes"),
        ("seen on HQ-DEVICE-17", "seen on [denied-1]"),
    ] {
        assert_eq!(with(&known, text), expected, "{text}");
    }
}

#[test]
fn one_value_has_one_placeholder_in_all_fields_of_a_record() {
    let mut record = Record::default();
    let detector = Detector::new(&Known::default());
    let fields = ["Call +1 202 555 0143", "or (+1) 202-555-0143, or jane@example.org", "[email-1] was here, Jane@Example.org too"];
    let out = record.redact_all(&detector, fields);
    assert_eq!(out, ["Call [phone-1]", "or [phone-1], or [email-2]", "[email-1] was here, [email-2] too"]);
    assert_eq!(record.counts().iter().map(|(kind, count)| (kind.name(), *count)).collect::<Vec<_>>(), [("email", 2), ("phone", 2)]);
    assert!(!format!("{record:?} {detector:?}").contains("202"), "nothing of it is shown");
}

#[test]
fn ranges_are_of_what_was_written() {
    let text = "tel ０９１\u{200b}２ 345 678, j\u{301}ane@example.org";
    let found = Detector::new(&Known::default()).find(text);
    let parts: Vec<&str> = found.iter().map(|finding| &text[finding.range.clone()]).collect();
    assert_eq!(parts, ["０９１\u{200b}２ 345 678", "j\u{301}ane@example.org"]);
}

#[test]
fn a_value_is_found_wherever_two_blocks_meet() {
    let detector = Detector::new(&Known::default());
    let value = "call +1 202 555 0143";
    let seam = BLOCK - COMMON / 2;
    for (filler, places) in [("x", [seam - 30, seam - 20, seam - 10, BLOCK - 10]), ("ab ", [seam - 24, seam - 15, seam - 6, BLOCK - 12])] {
        for place in places {
            let before = filler.repeat(place / filler.len());
            let text = format!("{before} {value} {}", filler.repeat(COMMON));
            let start = before.len() + 6;
            let found = detector.find(&text);
            assert!(matches!(&found[..], [one] if one.range == (start..start + value.len() - 5)), "{place}: {found:?}");
        }
    }
}

/// Pieces of text that detectors react to.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "call ",
            "phone: ",
            "her email ",
            "attacker ",
            "IP of the victim ",
            "passport ",
            "born ",
            "lives at ",
            "ticket ",
            "password: ",
            "my name is ",
            "Client ",
            "server ",
            "@",
            "at ",
            " dot org",
            "[.]",
            "(at)",
            "hxxp://",
            "https://",
            "+",
            "(",
            ")",
            "-",
            "/",
            ".",
            ",",
            "; ",
            "\n",
            " ",
            "John Smith",
            "Мария Иванова",
            "محمد علي",
            "王小明",
            "a@b.org",
            "evil.com",
            "1.2.3.4",
            "+1 202 555 0143",
            "0912 345 678",
            "4111111111111111",
            "GB82WEST12345698765432",
            "[email-1]",
            "[phone-2]",
            "[name-999999]",
            "[",
            "]",
            "x573",
            "۱۲۳۴",
            "\u{200b}",
            "\u{202e}",
            "token=abc123456",
            "2024-01-31",
            "/home/jo/",
            "C:\\Users\\jo\\",
            "12 Main Street, 12345 Town",
            "\n",
            "&#64;",
            "%40",
            "&#59",
            "ชื่อ",
            "คือ",
            "日",
        ])
        .prop_map(str::to_owned),
        "[0-9]{1,12}",
        "\\PC{1,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_was_redacted_is_not_redacted_again(text in pieces()) {
        let once = redacted(&text);
        prop_assert_eq!(redacted(&once), once.clone());
        let known = Known::default().name("John Smith").name("Мария Иванова").domain("evil.com").value("4111111111111111");
        let once = with(&known, &text);
        prop_assert_eq!(with(&known, &once), once.clone());
    }

    #[test]
    fn findings_are_in_order_apart_and_whole_characters(text in pieces()) {
        let mut last = 0;
        for finding in Detector::new(&Known::default()).find(&text) {
            prop_assert!(finding.range.start >= last && finding.range.start < finding.range.end, "{:?}", finding);
            prop_assert!(text.get(finding.range.clone()).is_some(), "{:?}", finding);
            last = finding.range.end;
        }
    }

    #[test]
    fn no_text_makes_it_fail(text in any::<String>()) {
        redacted(&text);
    }
}
