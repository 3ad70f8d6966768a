package writer

import (
	"fmt"
	"slices"
	"testing"

	"pressrun/digest/summary"
)

// One report in every language that the guards know: a fair text passes; a
// wrong number, a turned negation and a foreign script do not. The sentences
// and names are invented.
var reports = []struct{ lang, title, text, good, number, negated string }{
	{"en", "Ice holds ferries", "Ice trapped three ferries with 210 passengers in the harbour of Corran, the coast guard said on Monday. Nobody was hurt. An icebreaker freed the ships after 11 hours of work.",
		"The coast guard said on Monday that ice trapped 3 ferries with 210 passengers in the harbour of Corran.", "The coast guard said on Monday that ice trapped three ferries with 310 passengers in the harbour of Corran.", "The coast guard said on Monday that ice never trapped three ferries with 210 passengers in the harbour of Corran."},
	{"es", "El hielo atrapa barcos", "El hielo atrapó tres transbordadores con 210 pasajeros en el puerto de Corran, informó la guardia costera el lunes. El rescate costó 5 millones de euros. Un rompehielos liberó los barcos tras once horas de trabajo.",
		"La guardia costera informó el lunes que el hielo atrapó 3 transbordadores con 210 pasajeros en el puerto de Corran.", "La guardia costera informó el lunes que el hielo atrapó tres transbordadores con 310 pasajeros en el puerto de Corran.", "La guardia costera informó el lunes que el hielo no atrapó tres transbordadores con 210 pasajeros en el puerto de Corran."},
	{"pt", "Gelo prende barcos", "O gelo prendeu três barcos com 210 passageiros no porto de Corran, informou a guarda costeira na manhã de ontem. Um navio libertou os barcos depois de onze horas de trabalho.",
		"A guarda costeira informou que o gelo prendeu três barcos com 210 passageiros no porto de Corran.", "A guarda costeira informou que o gelo prendeu três barcos com 310 passageiros no porto de Corran.", "A guarda costeira informou que o gelo não prendeu três barcos com 210 passageiros no porto de Corran."},
	{"fr", "La glace bloque des ferries", "La glace a bloqué trois ferries et leurs 210 passagers dans le port de Corran, ont indiqué lundi les garde-côtes, selon qui l'opération a coûté 5 000 euros. Un navire a libéré les bateaux après onze heures de travail.",
		"Selon les garde-côtes, la glace a bloqué trois ferries et leurs 210 passagers lundi dans le port de Corran.", "Selon les garde-côtes, la glace a bloqué trois ferries et leurs 310 passagers lundi dans le port de Corran.", "Selon les garde-côtes, la glace n'a pas bloqué trois ferries et leurs 210 passagers lundi dans le port de Corran."},
	{"de", "Eis hält Fähren fest", "Das Eis hat drei Fähren mit 210 Passagieren im Hafen von Corran eingeschlossen, teilte die Küstenwache am Montag mit. Ein Schiff befreite die Fähren nach elf Stunden Arbeit. Es kostete 1,5 Millionen Euro.",
		"Das Eis hat drei Fähren mit 210 Passagieren im Hafen von Corran eingeschlossen, teilte die Küstenwache mit.", "Das Eis hat drei Fähren mit 310 Passagieren im Hafen von Corran eingeschlossen, teilte die Küstenwache mit.", "Das Eis hat keine drei Fähren mit 210 Passagieren im Hafen von Corran eingeschlossen, teilte die Küstenwache mit."},
	{"ru", "Лёд запер паромы", "Лёд запер три парома с 210 пассажирами в гавани Коррана, сообщила в понедельник береговая охрана. Ледокол освободил суда после одиннадцати часов работы. Работа стоила 5 млн рублей.",
		"Береговая охрана сообщила, что лёд запер три парома с 210 пассажирами в гавани Коррана.", "Береговая охрана сообщила, что лёд запер три парома с 310 пассажирами в гавани Коррана.", "Береговая охрана сообщила, что лёд не запер три парома с 210 пассажирами в гавани Коррана."},
	{"ar", "الجليد يحاصر عبارات", "حاصر الجليد ثلاث عبارات على متنها 210 ركاب في ميناء كوران مساء الاثنين، بحسب خفر السواحل. وحررت كاسحة جليد السفن بعد إحدى عشرة ساعة من العمل في الميناء القديم.",
		"حاصر الجليد ثلاث عبارات على متنها ٢١٠ ركاب في ميناء كوران، بحسب خفر السواحل.", "حاصر الجليد ثلاث عبارات على متنها 310 ركاب في ميناء كوران، بحسب خفر السواحل.", "لم حاصر الجليد ثلاث عبارات على متنها 210 ركاب في ميناء كوران، بحسب خفر السواحل."},
	{"ur", "برف نے کشتیاں روک لیں", "ساحلی محافظوں کے مطابق پیر کی رات کوران کی بندرگاہ میں برف نے 210 مسافروں سمیت تین کشتیاں روک لیں۔ برف شکن جہاز نے گیارہ گھنٹے کام کے بعد کشتیوں کو آزاد کرایا۔",
		"ساحلی محافظوں کے مطابق کوران کی بندرگاہ میں برف نے 210 مسافروں سمیت تین کشتیاں روک لیں۔", "ساحلی محافظوں کے مطابق کوران کی بندرگاہ میں برف نے 310 مسافروں سمیت تین کشتیاں روک لیں۔", "ساحلی محافظوں کے مطابق کوران کی بندرگاہ میں برف نے 210 مسافروں سمیت تین کشتیاں نہیں روک لیں۔"},
	{"vi", "Băng giữ phà", "Băng đã giữ ba chuyến phà chở 210 hành khách tại cảng Corran, lực lượng tuần duyên cho biết. Một tàu phá băng đã giải cứu các chuyến phà sau 11 giờ làm việc, chi phí là 5 tỷ đồng.",
		"Lực lượng tuần duyên cho biết băng đã giữ ba chuyến phà chở 210 hành khách tại cảng Corran.", "Lực lượng tuần duyên cho biết băng đã giữ ba chuyến phà chở 310 hành khách tại cảng Corran.", "Lực lượng tuần duyên cho biết băng không giữ ba chuyến phà chở 210 hành khách tại cảng Corran."},
	{"zh", "海冰困住渡轮", "海岸警卫队说，海冰把载有二百一十名乘客的三艘渡轮困在科兰港。一艘破冰船经过十一个小时的工作，在星期二中午救出了船只，花费500万元。",
		"海岸警卫队说，海冰把载有210名乘客的三艘渡轮困在科兰港。", "海岸警卫队说，海冰把载有310名乘客的三艘渡轮困在科兰港。", "海岸警卫队说，海冰没有把载有210名乘客的三艘渡轮困在科兰港。"},
}

func judged(lang, title, text, answer string) (guard, why string) {
	a := article{lang, title, text, text}
	o := summary.Options{Words: 60, Sentences: 3}
	if _, err := judge(reply{content: sum(answer), finish: "stop"}, newPrompt(a, o), a, o); err != nil {
		return reasonOf(err)
	}
	return "", ""
}

func TestTongues(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range reports {
		tested[c.lang] = true
		other := "Ελληνικά γράμματα δεν ανήκουν εδώ σήμερα."
		for _, x := range []struct{ answer, guard string }{{c.good, ""}, {c.number, "numbers"}, {c.negated, "negation"}, {other, "language"}} {
			if guard, why := judged(c.lang, c.title, c.text, x.answer); guard != x.guard {
				t.Errorf("%s: %q is refused by %q (%s), want %q", c.lang, x.answer, guard, why, x.guard)
			}
		}
	}
	for lang := range tongues {
		if !tested[lang] {
			t.Errorf("the guards of %s have no test", lang)
		}
	}
}

// Numbers as they are written around the world.
func TestFigures(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		want       float64
		unit       string
	}{
		{"en", "5 million", 5e6, ""}, {"en", "$5m", 5e6, "dollar"}, {"en", "5m dollars", 5e6, "dollar"}, {"en", "US$5.2bn", 5.2e9, "dollar"}, {"en", "5,000,000 US dollars", 5e6, "dollar"},
		{"en", "two hundred and ten", 210, ""}, {"en", "twenty-one", 21, ""}, {"en", "three million", 3e6, ""}, {"en", "12 per cent", 12, "%"}, {"en", "12%", 12, "%"}, {"en", "Rs 3 lakh", 3e5, "rupee"},
		{"en", "2 percentage points", 2, ""}, {"en", "2 percent points", 2, "points"}, {"en", "£1,234.50", 1234.5, "pound"},
		{"de", "1.234,5 Euro", 1234.5, "euro"}, {"de", "1,5 Millionen Euro", 1.5e6, "euro"}, {"fr", "5 000 euros", 5000, "euro"}, {"ru", "5 млн рублей", 5e6, "rouble"}, {"ru", "7,5 процента", 7.5, "%"},
		{"es", "3 mil dólares", 3000, "dollar"}, {"ar", "٢١٠", 210, ""}, {"ar", "٥٫٥ مليون دولار", 5.5e6, "dollar"}, {"ur", "۳ کروڑ روپے", 3e7, "rupee"}, {"vi", "5 tỷ đồng", 5e9, "dong"}, {"vi", "12 phần trăm", 12, "%"},
		{"zh", "二百一十", 210, ""}, {"zh", "500万元", 5e6, "yuan"}, {"zh", "二〇二六", 2026, ""}, {"zh", "３亿", 3e8, ""}, {"zh", "百分之12", 12, "%"},
	} {
		got := figuresOf(tongues[c.lang], c.text)
		if len(got) != 1 || !sameValue(got[0].values, []float64{c.want}) || got[0].unit != c.unit {
			t.Errorf("%s %q: %+v, want %v %s", c.lang, c.text, got, c.want, c.unit)
		}
	}
	if v := tongues["en"].values("1,234"); !slices.Contains(v, 1234) || len(v) != 2 {
		t.Errorf("1,234 reads as %v", v)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(sum(goodText))
	f.Add(`{"summary":"x","summary":"y"}`)
	f.Add(`{"summary":"“ 5,000 m € 12 % May 14"}`)
	f.Fuzz(func(t *testing.T, content string) {
		text, err := strictSummary(content)
		if err != nil {
			return
		}
		// Whatever passes is short, plain and made of sentences.
		a := article{"en", trialDoc.Title, trial, trial}
		o := summary.Options{Words: 60, Sentences: 3}
		got, err := judge(reply{content: content}, newPrompt(a, o), a, o)
		if err != nil {
			return
		}
		if summary.Words(got) > 60 || webAddress.MatchString(got) || got == "" {
			t.Fatalf("%q passes as %q", text, got)
		}
		if d := newDraft(got, newPrompt(a, o), a, o); fmt.Sprint(counted(d), quoted(d), named(d), fair(d)) != "" {
			t.Fatalf("%q passes once and not again", got)
		}
	})
}

func FuzzArticle(f *testing.F) {
	f.Add("en", trial)
	f.Add("ar", "<p style='display:none'>x</p>\u202eنص")
	f.Fuzz(func(t *testing.T, lang, text string) {
		a, err := read(summary.Doc{Language: lang, Text: text}, 50)
		if err != nil {
			return
		}
		if summary.Words(a.text) > 50 {
			t.Fatalf("%d words of %q", summary.Words(a.text), text)
		}
		for _, r := range a.text {
			if r != '\n' && hidden(r) {
				t.Fatalf("%U is left of %q", r, text)
			}
		}
	})
}
