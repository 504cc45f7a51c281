//! The last lines of a message: why it came, and how to stop its topic, in the reader's language.
//! Nothing here knows how they look.

use icu_locale_core::LanguageIdentifier;

use super::reader::{Ending, HowToStop};

/// The last lines of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LastLines {
    /// Why it came.
    pub(super) because: Option<String>,
    /// How to stop its topic: the words, and the page, if there is one.
    pub(super) stop: Option<(String, Option<String>)>,
    in_short: bool,
}

impl LastLines {
    /// The author's own words, or else ours.
    pub(super) fn new(
        language: &LanguageIdentifier,
        because: Option<String>,
        stop: Option<String>,
        ending: Option<Ending<'_>>,
    ) -> Self {
        let Some(ending) = ending else { return Self { because, ..Self::default() } };
        let ours = words(language);
        let in_short = ending.in_short;
        let why = || (!in_short).then(|| ours.because.replace("{}", ending.topic));
        let stop = match ending.stop {
            HowToStop::Link(page) => {
                Some((stop.unwrap_or_else(|| ours.stop.to_owned()), Some(page.clone())))
            }
            HowToStop::Reply => Some((ours.reply.to_owned(), None)),
            HowToStop::Never => None,
        };
        Self { because: because.or_else(why), stop, in_short }
    }

    /// As plain text: in a mail, below a line that mail programs take for the start of a signature.
    pub(super) fn text(&self) -> String {
        let stop = self.stop.as_ref().map(|(words, page)| match page {
            Some(page) => format!("{words}: {page}"),
            None => words.clone(),
        });
        let lines: Vec<String> = self.because.iter().cloned().chain(stop).collect();
        match (lines.is_empty(), self.in_short) {
            (true, _) => String::new(),
            (false, true) => format!("{}\n", lines.join("\n")),
            (false, false) => format!("\n-- \n{}\n", lines.join("\n")),
        }
    }
}

struct Words {
    language: &'static str,
    /// `{}` is the topic, as policy names it.
    because: &'static str,
    stop: &'static str,
    reply: &'static str,
}

/// Our words in a language; in English where we have none.
fn words(language: &LanguageIdentifier) -> &'static Words {
    let tag = match language.language.as_str() {
        "zh" if is_traditional(language) => "zh-Hant",
        tag => tag,
    };
    WORDS.iter().find(|words| words.language == tag).unwrap_or(&ENGLISH)
}

fn is_traditional(language: &LanguageIdentifier) -> bool {
    match (language.script, language.region) {
        (Some(script), _) => script.as_str() == "Hant",
        (None, Some(region)) => ["TW", "HK", "MO"].contains(&region.as_str()),
        (None, None) => false,
    }
}

const ENGLISH: Words = Words {
    language: "en",
    because: "You get this as a customer of ours. Topic: {}.",
    stop: "Stop messages on this topic",
    reply: "To stop messages on this topic, just reply to this one and say so.",
};

const WORDS: [Words; 22] = [
    Words {
        language: "ar",
        because: "تصلك هذه الرسالة لأنك من عملائنا. الموضوع: {}.",
        stop: "إيقاف الرسائل حول هذا الموضوع",
        reply: "لإيقاف الرسائل حول هذا الموضوع، يكفي الرد على هذه الرسالة.",
    },
    Words {
        language: "cs",
        because: "Tuto zprávu dostáváte jako náš zákazník. Téma: {}.",
        stop: "Nedostávat další zprávy na toto téma",
        reply: "Pokud si nepřejete další zprávy na toto téma, stačí na tuto zprávu odpovědět.",
    },
    Words {
        language: "da",
        because: "Du får denne besked, fordi du er kunde hos os. Emne: {}.",
        stop: "Stop beskeder om dette emne",
        reply: "Vil du ikke have flere beskeder om dette emne? Svar blot på denne besked.",
    },
    Words {
        language: "de",
        because: "Sie erhalten diese Nachricht im Rahmen unserer Geschäftsbeziehung. Thema: {}.",
        stop: "Keine Nachrichten mehr zu diesem Thema",
        reply: "Keine Nachrichten mehr zu diesem Thema? Antworten Sie einfach auf diese.",
    },
    Words {
        language: "es",
        because: "Recibe este mensaje porque es cliente nuestro. Tema: {}.",
        stop: "No recibir más mensajes sobre este tema",
        reply: "Si no desea recibir más mensajes sobre este tema, responda a este y díganoslo.",
    },
    Words {
        language: "fi",
        because: "Saat tämän viestin, koska olet asiakkaamme. Aihe: {}.",
        stop: "Lopeta viestit tästä aiheesta",
        reply: "Jos et halua enää viestejä tästä aiheesta, vastaa tähän viestiin.",
    },
    Words {
        language: "fr",
        because: "Vous recevez ce message car vous êtes client chez nous. Sujet : {}.",
        stop: "Ne plus recevoir de messages à ce sujet",
        reply: "Pour ne plus recevoir de messages à ce sujet, il vous suffit de répondre à celui-ci.",
    },
    Words {
        language: "he",
        because: "הודעה זו נשלחת ללקוחותינו. נושא: {}.",
        stop: "הפסקת קבלת הודעות בנושא זה",
        reply: "כדי להפסיק לקבל הודעות בנושא זה, די להשיב להודעה זו.",
    },
    Words {
        language: "id",
        because: "Anda menerima pesan ini sebagai pelanggan kami. Topik: {}.",
        stop: "Berhenti menerima pesan tentang topik ini",
        reply: "Untuk berhenti menerima pesan tentang topik ini, cukup balas pesan ini.",
    },
    Words {
        language: "it",
        because: "Riceve questo messaggio perché è nostro cliente. Argomento: {}.",
        stop: "Non ricevere più messaggi su questo argomento",
        reply: "Per non ricevere più messaggi su questo argomento, basta rispondere a questo.",
    },
    Words {
        language: "ja",
        because: "当社のお客様にこのメッセージをお送りしています。トピック：{}",
        stop: "このトピックの配信を停止する",
        reply: "このトピックの配信停止をご希望の場合は、このメッセージにご返信ください。",
    },
    Words {
        language: "ko",
        because: "저희 고객이시기에 이 메시지를 보내 드립니다. 주제: {}.",
        stop: "이 주제의 메시지 그만 받기",
        reply: "이 주제의 메시지를 더 이상 받지 않으시려면 이 메시지에 회신해 주세요.",
    },
    Words {
        language: "nb",
        because: "Du får denne meldingen fordi du er kunde hos oss. Emne: {}.",
        stop: "Stopp meldinger om dette emnet",
        reply: "Vil du ikke ha flere meldinger om dette emnet? Bare svar på denne meldingen.",
    },
    Words {
        language: "nl",
        because: "U ontvangt dit bericht omdat u klant bij ons bent. Onderwerp: {}.",
        stop: "Geen berichten meer over dit onderwerp",
        reply: "Wilt u geen berichten meer over dit onderwerp? Antwoord dan gewoon op dit bericht.",
    },
    Words {
        language: "pl",
        because: "Wysyłamy tę wiadomość do naszych klientów. Temat: {}.",
        stop: "Nie chcę więcej wiadomości na ten temat",
        reply: "Aby nie otrzymywać więcej wiadomości na ten temat, wystarczy odpowiedzieć na tę wiadomość.",
    },
    Words {
        language: "pt",
        because: "Enviamos esta mensagem aos nossos clientes. Assunto: {}.",
        stop: "Não receber mais mensagens sobre este assunto",
        reply: "Para não receber mais mensagens sobre este assunto, basta responder a esta mensagem.",
    },
    Words {
        language: "sv",
        because: "Du får det här meddelandet för att du är kund hos oss. Ämne: {}.",
        stop: "Få inga fler meddelanden i detta ämne",
        reply: "Vill du inte få fler meddelanden i detta ämne? Svara bara på det här meddelandet.",
    },
    Words {
        language: "th",
        because: "คุณได้รับข้อความนี้ในฐานะลูกค้าของเรา หัวข้อ: {}",
        stop: "หยุดรับข้อความในหัวข้อนี้",
        reply: "หากไม่ต้องการรับข้อความในหัวข้อนี้อีก เพียงตอบกลับข้อความนี้และแจ้งให้เราทราบ",
    },
    Words {
        language: "tr",
        because: "Bu iletiyi müşterimiz olduğunuz için alıyorsunuz. Konu: {}.",
        stop: "Bu konuda artık ileti almak istemiyorum",
        reply: "Bu konuda artık ileti almak istemiyorsanız bu iletiyi yanıtlamanız yeterlidir.",
    },
    Words {
        language: "vi",
        because: "Bạn nhận được tin nhắn này vì bạn là khách hàng của chúng tôi. Chủ đề: {}.",
        stop: "Ngừng nhận tin nhắn về chủ đề này",
        reply: "Để ngừng nhận tin nhắn về chủ đề này, bạn chỉ cần trả lời tin nhắn này.",
    },
    Words {
        language: "zh",
        because: "您收到此消息是因为您是我们的客户。主题：{}。",
        stop: "不再接收此主题的消息",
        reply: "如不想再接收此主题的消息，请直接回复本消息告知我们。",
    },
    Words {
        language: "zh-Hant",
        because: "您收到此訊息是因為您是我們的客戶。主題：{}。",
        stop: "不再接收此主題的訊息",
        reply: "如不想再接收此主題的訊息，請直接回覆本訊息告知我們。",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(tag: &str, stop: &HowToStop, own: [Option<&str>; 2]) -> LastLines {
        let [because, own_stop] = own.map(|text| text.map(str::to_owned));
        let ending = Ending { topic: "orders", in_short: false, stop };
        LastLines::new(&tag.parse().unwrap(), because, own_stop, Some(ending))
    }

    #[test]
    fn every_language_says_all_three_things_once() {
        let mut seen = std::collections::BTreeSet::from([ENGLISH.language]);
        for words in &WORDS {
            assert!(seen.insert(words.language), "{}", words.language);
            assert_eq!(words.because.matches("{}").count(), 1, "{}", words.language);
            assert!(!words.stop.is_empty() && !words.reply.is_empty(), "{}", words.language);
            let tag = words.language;
            assert_eq!(super::words(&tag.parse().unwrap()).language, tag);
        }
        assert_eq!(words(&"zh-TW".parse().unwrap()).language, "zh-Hant");
        assert_eq!(words(&"is".parse().unwrap()).language, "en");
    }

    #[test]
    fn the_authors_words_come_first() {
        let page = HowToStop::Link("https://x.example/stop".to_owned());
        assert_eq!(
            lines("en", &page, [None, None]).text(),
            "\n-- \nYou get this as a customer of ours. Topic: orders.\n\
             Stop messages on this topic: https://x.example/stop\n"
        );
        assert_eq!(
            lines("de", &page, [Some("Sie haben bestellt."), Some("Nichts mehr davon")]).text(),
            "\n-- \nSie haben bestellt.\nNichts mehr davon: https://x.example/stop\n"
        );
        let reply = lines("en", &HowToStop::Reply, [Some("You ordered."), Some("No more of this")]);
        assert_eq!(reply.text(), format!("\n-- \nYou ordered.\n{}\n", ENGLISH.reply));
        let never = lines("en", &HowToStop::Never, [Some("You ordered."), Some("No more of this")]);
        assert_eq!(never.text(), "\n-- \nYou ordered.\n");
    }

    #[test]
    fn a_text_message_ends_in_one_line() {
        let stop = HowToStop::Link("https://x.example/s".to_owned());
        let ending = Ending { topic: "orders", in_short: true, stop: &stop };
        let lines = LastLines::new(&"en".parse().unwrap(), None, None, Some(ending));
        assert_eq!(lines.text(), "Stop messages on this topic: https://x.example/s\n");
    }

    #[test]
    fn a_colleague_is_told_nothing_of_the_kind() {
        let lines = LastLines::new(&"en".parse().unwrap(), None, Some("Stop".to_owned()), None);
        assert_eq!((lines.text(), lines.stop), (String::new(), None));
    }
}
