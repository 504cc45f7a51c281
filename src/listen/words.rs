//! The words of the pages, in the languages that we have. A customer's own language comes first,
//! then what the browser asks for, then English.

use crate::domain::Outreach;

/// The words in one language; `{topic}` stands for the topic.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) direction: &'static str,
    pub(super) title: &'static str,
    /// They hear from us about the topic.
    pub(super) about: &'static str,
    /// They hear from us.
    pub(super) about_us: &'static str,
    pub(super) stop_topic: &'static str,
    pub(super) stop_all: &'static str,
    pub(super) topic_stopped: &'static str,
    pub(super) all_stopped: &'static str,
    pub(super) necessary: &'static str,
    pub(super) unknown: &'static str,
    pub(super) later: &'static str,
}

impl Words {
    /// The words in the language of whom an outreach reached, where both are known.
    pub(super) fn of(outreach: &Outreach) -> Option<&'static Self> {
        let locale = outreach.subjects.first()?.facts.customer().text("locale")?;
        Self::in_language(&locale)
    }

    /// The words in the first language of an `Accept-Language` that we have; else in English.
    pub(super) fn accepted(languages: &str) -> &'static Self {
        let wanted = languages.split(',').map(|wanted| wanted.split(';').next().unwrap_or(wanted));
        wanted.into_iter().find_map(Self::in_language).unwrap_or(&ENGLISH)
    }

    fn in_language(tag: &str) -> Option<&'static Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or_default().to_lowercase();
        ALL.into_iter().find(|words| words.language == language)
    }
}

const ALL: [&Words; 9] =
    [&ENGLISH, &GERMAN, &THAI, &FRENCH, &SPANISH, &ITALIAN, &DUTCH, &PORTUGUESE, &ARABIC];

static ENGLISH: Words = Words {
    language: "en",
    direction: "ltr",
    title: "Your messages",
    about: "We write to you about “{topic}”. Nothing changes until you choose.",
    about_us: "We write to you now and then. Nothing changes until you choose.",
    stop_topic: "Stop messages about “{topic}”",
    stop_all: "Stop all messages",
    topic_stopped: "Done. You will get no more messages about “{topic}”.",
    all_stopped: "Done. You will get no more messages from us, except those that are necessary.",
    necessary: "Messages about “{topic}” are necessary and can’t be stopped.",
    unknown: "This link is not valid. Please open it again from our message, or answer the message and ask us to stop.",
    later: "That did not work just now, and nothing was changed. Please try again in a few minutes.",
};

static GERMAN: Words = Words {
    language: "de",
    direction: "ltr",
    title: "Ihre Nachrichten",
    about: "Wir schreiben Ihnen zum Thema „{topic}“. Es ändert sich nichts, bevor Sie etwas wählen.",
    about_us: "Wir schreiben Ihnen hin und wieder. Es ändert sich nichts, bevor Sie etwas wählen.",
    stop_topic: "Keine Nachrichten mehr zu „{topic}“",
    stop_all: "Gar keine Nachrichten mehr",
    topic_stopped: "Erledigt. Sie bekommen keine Nachrichten mehr zu „{topic}“.",
    all_stopped: "Erledigt. Sie bekommen keine Nachrichten mehr von uns, außer notwendigen.",
    necessary: "Nachrichten zu „{topic}“ sind notwendig und lassen sich nicht abbestellen.",
    unknown: "Dieser Link ist nicht gültig. Bitte öffnen Sie ihn noch einmal aus unserer Nachricht, oder antworten Sie darauf.",
    later: "Das hat gerade nicht geklappt, und es hat sich nichts geändert. Bitte versuchen Sie es in ein paar Minuten noch einmal.",
};

static THAI: Words = Words {
    language: "th",
    direction: "ltr",
    title: "ข้อความของคุณ",
    about: "เราส่งข้อความถึงคุณเรื่อง “{topic}” จะไม่มีอะไรเปลี่ยนแปลงจนกว่าคุณจะเลือก",
    about_us: "เราส่งข้อความถึงคุณเป็นครั้งคราว จะไม่มีอะไรเปลี่ยนแปลงจนกว่าคุณจะเลือก",
    stop_topic: "ไม่รับข้อความเรื่อง “{topic}” อีก",
    stop_all: "ไม่รับข้อความใด ๆ อีก",
    topic_stopped: "เรียบร้อยแล้ว คุณจะไม่ได้รับข้อความเรื่อง “{topic}” อีก",
    all_stopped: "เรียบร้อยแล้ว คุณจะไม่ได้รับข้อความจากเราอีก ยกเว้นข้อความที่จำเป็น",
    necessary: "ข้อความเรื่อง “{topic}” เป็นข้อความที่จำเป็น จึงยกเลิกไม่ได้",
    unknown: "ลิงก์นี้ใช้ไม่ได้ กรุณาเปิดอีกครั้งจากข้อความของเรา หรือตอบกลับข้อความนั้นเพื่อขอยกเลิก",
    later: "ขณะนี้ดำเนินการไม่สำเร็จ และไม่มีอะไรเปลี่ยนแปลง กรุณาลองอีกครั้งในอีกไม่กี่นาที",
};

static FRENCH: Words = Words {
    language: "fr",
    direction: "ltr",
    title: "Vos messages",
    about: "Nous vous écrivons au sujet de « {topic} ». Rien ne change tant que vous n’avez pas choisi.",
    about_us: "Nous vous écrivons de temps en temps. Rien ne change tant que vous n’avez pas choisi.",
    stop_topic: "Ne plus recevoir de messages sur « {topic} »",
    stop_all: "Ne plus recevoir aucun message",
    topic_stopped: "C’est fait. Vous ne recevrez plus de messages sur « {topic} ».",
    all_stopped: "C’est fait. Vous ne recevrez plus de messages de notre part, sauf ceux qui sont nécessaires.",
    necessary: "Les messages sur « {topic} » sont nécessaires et ne peuvent pas être arrêtés.",
    unknown: "Ce lien n’est pas valable. Ouvrez-le de nouveau depuis notre message, ou répondez-y pour nous le demander.",
    later: "Cela n’a pas fonctionné, et rien n’a changé. Veuillez réessayer dans quelques minutes.",
};

static SPANISH: Words = Words {
    language: "es",
    direction: "ltr",
    title: "Sus mensajes",
    about: "Le escribimos sobre «{topic}». Nada cambia hasta que usted elija.",
    about_us: "Le escribimos de vez en cuando. Nada cambia hasta que usted elija.",
    stop_topic: "No recibir más mensajes sobre «{topic}»",
    stop_all: "No recibir ningún mensaje más",
    topic_stopped: "Hecho. No recibirá más mensajes sobre «{topic}».",
    all_stopped: "Hecho. No recibirá más mensajes nuestros, salvo los necesarios.",
    necessary: "Los mensajes sobre «{topic}» son necesarios y no se pueden cancelar.",
    unknown: "Este enlace no es válido. Ábralo de nuevo desde nuestro mensaje, o respóndalo y pídanoslo.",
    later: "No ha funcionado, y no se ha cambiado nada. Inténtelo de nuevo dentro de unos minutos.",
};

static ITALIAN: Words = Words {
    language: "it",
    direction: "ltr",
    title: "I Suoi messaggi",
    about: "Le scriviamo a proposito di «{topic}». Non cambia nulla finché non sceglie.",
    about_us: "Le scriviamo di tanto in tanto. Non cambia nulla finché non sceglie.",
    stop_topic: "Non ricevere più messaggi su «{topic}»",
    stop_all: "Non ricevere più alcun messaggio",
    topic_stopped: "Fatto. Non riceverà più messaggi su «{topic}».",
    all_stopped: "Fatto. Non riceverà più nostri messaggi, tranne quelli necessari.",
    necessary: "I messaggi su «{topic}» sono necessari e non si possono disattivare.",
    unknown: "Questo link non è valido. Lo apra di nuovo dal nostro messaggio, oppure risponda al messaggio.",
    later: "Non ha funzionato, e nulla è cambiato. Riprovi tra qualche minuto.",
};

static DUTCH: Words = Words {
    language: "nl",
    direction: "ltr",
    title: "Uw berichten",
    about: "Wij schrijven u over ‘{topic}’. Er verandert niets totdat u kiest.",
    about_us: "Wij schrijven u af en toe. Er verandert niets totdat u kiest.",
    stop_topic: "Geen berichten meer over ‘{topic}’",
    stop_all: "Helemaal geen berichten meer",
    topic_stopped: "Gelukt. U krijgt geen berichten meer over ‘{topic}’.",
    all_stopped: "Gelukt. U krijgt geen berichten meer van ons, behalve noodzakelijke.",
    necessary: "Berichten over ‘{topic}’ zijn noodzakelijk en kunnen niet worden gestopt.",
    unknown: "Deze link is niet geldig. Open hem opnieuw vanuit ons bericht, of beantwoord het bericht.",
    later: "Dat lukte nu niet, en er is niets veranderd. Probeer het over een paar minuten opnieuw.",
};

static PORTUGUESE: Words = Words {
    language: "pt",
    direction: "ltr",
    title: "As suas mensagens",
    about: "Escrevemos-lhe sobre “{topic}”. Nada muda até que escolha.",
    about_us: "Escrevemos-lhe de vez em quando. Nada muda até que escolha.",
    stop_topic: "Não receber mais mensagens sobre “{topic}”",
    stop_all: "Não receber mais nenhuma mensagem",
    topic_stopped: "Feito. Não receberá mais mensagens sobre “{topic}”.",
    all_stopped: "Feito. Não receberá mais mensagens nossas, exceto as necessárias.",
    necessary: "As mensagens sobre “{topic}” são necessárias e não podem ser canceladas.",
    unknown: "Este link não é válido. Abra-o de novo a partir da nossa mensagem, ou responda à mensagem.",
    later: "Não funcionou agora, e nada foi alterado. Tente de novo dentro de alguns minutos.",
};

static ARABIC: Words = Words {
    language: "ar",
    direction: "rtl",
    title: "رسائلك",
    about: "نراسلك بخصوص «{topic}». لن يتغير شيء قبل أن تختار.",
    about_us: "نراسلك من حين إلى آخر. لن يتغير شيء قبل أن تختار.",
    stop_topic: "إيقاف الرسائل عن «{topic}»",
    stop_all: "إيقاف جميع الرسائل",
    topic_stopped: "تم. لن تصلك رسائل أخرى عن «{topic}».",
    all_stopped: "تم. لن تصلك رسائل أخرى منا، باستثناء الضرورية منها.",
    necessary: "الرسائل عن «{topic}» ضرورية ولا يمكن إيقافها.",
    unknown: "هذا الرابط غير صالح. يرجى فتحه مرة أخرى من رسالتنا، أو الرد على الرسالة.",
    later: "لم ينجح ذلك الآن، ولم يتغير شيء. يرجى المحاولة مرة أخرى بعد بضع دقائق.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_we_have_is_taken() {
        let language = |accepted| Words::accepted(accepted).language;
        assert_eq!(language("de-CH, de;q=0.9, en;q=0.8"), "de");
        assert_eq!(language("eo, th-TH;q=0.5, en"), "th");
        assert_eq!(language("PT_br"), "pt");
        for none in ["", "*", "xx, yy;q=1", ";;,,-"] {
            assert_eq!(language(none), "en", "{none}");
        }
    }

    #[test]
    fn every_language_names_the_topic_where_it_has_to() {
        for words in ALL {
            let Words { about, stop_topic, topic_stopped, necessary, .. } = words;
            for text in [about, stop_topic, topic_stopped, necessary] {
                assert_eq!(text.matches("{topic}").count(), 1, "{}: {text}", words.language);
            }
            let Words { about_us, stop_all, all_stopped, unknown, later, title, .. } = words;
            for text in [about_us, stop_all, all_stopped, unknown, later, title] {
                assert!(!text.contains(['{', '<', '&']), "{}: {text}", words.language);
            }
        }
    }
}
