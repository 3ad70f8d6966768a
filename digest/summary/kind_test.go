package summary_test

import (
	"strings"
	"testing"

	"pressrun/digest/summary"
)

const liveText = `Voters in Harrow Bay are choosing a new council today. Polls close at ten in the evening, and the first result is expected before midnight.

14:20
Turnout has reached 41 per cent, the returning officer says. That is four points up on the last vote.

12:05
The polling station at the lido has reopened after a burst pipe. Nobody was hurt.

09:30
The queue outside the library is fifty people long.`

const listText = `The council of Harrow Bay has named its best small parks for the summer. Judges walked through all of them in one wet week in May.

1. Lido Green
The grass slopes down to the water, and the café opens at seven.

2. Mill Garden
Roses climb over the old mill. Dogs must stay on the lead.

3. Station Square
You can hear the trains from every bench.`

const interviewText = `Ines Falk has run the lighthouse on Corran Head for thirty years. She spoke to us about the winter storms and her plans for the lamp.

Q: When did you first climb the tower?
A: I was six. My father carried me up the last flight.

Q: Is it lonely?
A: Never. We have the birds, and I read a lot.

Q: What happens to the lamp?
A: It will go dark in March. I would rather not watch.`

const tableText = `Rovers went top of the coast league on Saturday with a goal in the last minute against Albion. Their captain scored it with his knee.

Team | Played | Points
Rovers | 12 | 29
Albion | 12 | 27
United | 12 | 20

The two sides meet again in March at the old ground by the harbour.`

// zoned is a live blog with the times given.
func zoned(a, b, c string) string {
	return a + "Turnout has reached 41 per cent, the returning officer says. That is four points up on the last vote.\n\n" +
		b + "The polling station at the lido has reopened after a burst pipe. Nobody was hurt.\n\n" + c + "The queue outside the library is fifty people long."
}

func TestKinds(t *testing.T) {
	long := strings.Repeat("The ferry company and the harbour board and the islanders and the unions and the town met again, ", 6) + "and nothing was decided."
	for _, c := range []struct {
		name   string
		doc    summary.Doc
		method string
		want   string   // the whole text, if not empty
		holds  []string // parts that must be there
		lacks  []string // and parts that must not
	}{
		{name: "brief", doc: summary.Doc{Language: "en", Title: "Bridge opens", Text: "The Tay footbridge opened on Monday after two years of work. It cost 3 million pounds."},
			method: "lead", want: "The Tay footbridge opened on Monday after two years of work.\nIt cost 3 million pounds."},
		{name: "brief without a full stop", doc: summary.Doc{Language: "en", Text: "The Tay footbridge opened on Monday after two years of work"},
			method: "lead", want: "The Tay footbridge opened on Monday after two years of work"},
		{name: "paywall stub with a description", doc: summary.Doc{Language: "en", Title: "Harbour talks fail", Text: "Talks over the harbour ended ...\n\nSubscribe to continue reading.", Description: "Talks over the future of the harbour ended without a deal on Friday. The unions walked out."},
			method: "description", want: "Talks over the future of the harbour ended without a deal on Friday.\nThe unions walked out."},
		{name: "paywall stub without a description", doc: summary.Doc{Language: "en", Title: "Harbour talks fail", Text: "Talks over the harbour ended without a deal on Friday, and the unions walked out.\n\nThis article is for subscribers only. Already a subscriber? Log in to read on."},
			method: "lead", want: "Talks over the harbour ended without a deal on Friday, and the unions walked out."},
		{name: "nothing but a paywall", doc: summary.Doc{Language: "en", Title: "Harbour talks fail", Text: "To continue reading, start your free trial."},
			method: "headline", want: "Harbour talks fail"},
		{name: "live blog with a standfirst", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: liveText},
			holds: []string{"Voters in Harrow Bay"}, lacks: []string{"Turnout", "library", "14:20"}},
		{name: "live blog, newest first", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: liveText[strings.Index(liveText, "14:20"):]},
			holds: []string{"Turnout has reached"}, lacks: []string{"library", "lido", "14:20"}},
		{name: "live blog, newest last", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: "9.30am The queue outside the library is fifty people long.\n\n12.05pm The lido has reopened after a burst pipe.\n\n14.20pm Turnout has reached 41 per cent, the returning officer says."},
			holds: []string{"Turnout has reached"}, lacks: []string{"library", "lido", "14.20"}},
		{name: "live blog, each entry a line", doc: summary.Doc{Language: "ru", Title: "Корран выбирает: онлайн", Text: "14:20 Явка достигла 41%, сообщила избирательная комиссия. Это на четыре пункта выше, чем в прошлый раз.\n\n12:05 Участок в бассейне снова открыт после прорыва трубы.\n\n09:30 Очередь у библиотеки — около пятидесяти человек."},
			holds: []string{"Явка достигла"}, lacks: []string{"бассейне", "библиотеки", "14:20"}},
		{name: "live blog, zone in brackets", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: zoned("14:20 (GMT) ", "12:05 (GMT) ", "09:30 (GMT) ")},
			holds: []string{"Turnout has reached"}, lacks: []string{"GMT", "14:20", "lido"}},
		{name: "live blog, zone by its offset", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: zoned("14:20 GMT+5: ", "12:05 GMT+5: ", "09:30 GMT+5: ")},
			holds: []string{"Turnout has reached"}, lacks: []string{"GMT", "+5", "lido"}},
		{name: "live blog, a zone far away", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: zoned("14.20 AEST ", "12.05 AEST ", "09.30 AEST ")},
			holds: []string{"Turnout has reached"}, lacks: []string{"AEST", "14.20", "lido"}},
		{name: "live blog, to the second", doc: summary.Doc{Language: "en", Title: "Harrow Bay votes: live", Text: zoned("LIVE 14:20:31 ", "12:05:02 ", "09:30:44 ")},
			holds: []string{"Turnout has reached"}, lacks: []string{"LIVE", "31", "lido"}},
		{name: "live blog, Arabic zone", doc: summary.Doc{Language: "ar", Title: "انتخابات كوران: مباشر", Text: "14:20 بتوقيت غرينتش\n\nقالت اللجنة الانتخابية إن نسبة المشاركة بلغت 41 في المئة.\n\n12:05 بتوقيت غرينتش\n\nأعيد فتح مركز الاقتراع في المسبح بعد إصلاح الأنابيب.\n\n09:30 بتوقيت غرينتش\n\nوقف نحو خمسين شخصا أمام المكتبة."},
			holds: []string{"نسبة المشاركة"}, lacks: []string{"غرينتش", "المسبح"}},
		{name: "a time that begins a sentence", doc: summary.Doc{Language: "en", Title: "Ferry is late", Text: "14:20 NATO time was what the clocks on the ferry showed when it came in. Nobody on the pier had been told."},
			holds: []string{"NATO time was"}},
		{name: "live blog, times in Chinese brackets", doc: summary.Doc{Language: "zh", Title: "直播：科兰选举", Text: "【14:20】选举官员说，投票率已达百分之四十一。\n\n【12:05】泳池投票站重新开放，没有人受伤。\n\n【09:30】图书馆门外排起约五十人的长队。"},
			want: "选举官员说，投票率已达百分之四十一。"},
		{name: "a chronology at the end", doc: summary.Doc{Language: "en", Title: "Mayor of Corran on trial", Text: "A jury of twelve will decide what becomes of Mayor Peter Lund, a judge in Corran said on Monday. The trial begins in March.\n\n2008: Mayor Lund opens the harbour and resigns from the trial board of Corran.\n\nMr Peter Lund."},
			holds: []string{"A jury of twelve"}, lacks: []string{"2008", "Mr Peter Lund."}},
		{name: "a list in the middle", doc: summary.Doc{Language: "en", Title: "Corran has the best airport again", Text: "Corran International Airport has won the title of the world's best airport for the third year, the jury of Lund Travel said on Monday. The ten best are 1. Corran International Airport 2. Marsh City Airport (Brandt) 3. Avar Lund Airport 4. Falk Island Airport."},
			holds: []string{"for the third year"}, lacks: []string{"Airport 2.", "(Brandt) 3.", "Airport 4."}},
		{name: "list", doc: summary.Doc{Language: "en", Title: "The best small parks", Text: listText},
			holds: []string{"The council of Harrow Bay has named its best small parks"}, lacks: []string{"Lido Green", "Roses", "1."}},
		{name: "interview", doc: summary.Doc{Language: "en", Title: "The keeper of Corran Head", Text: interviewText},
			holds: []string{"Ines Falk has run the lighthouse"}, lacks: []string{"My father", "lonely", "A:"}},
		{name: "interview without an introduction", doc: summary.Doc{Language: "en", Title: "The keeper of Corran Head speaks", Text: interviewText[strings.Index(interviewText, "Q: When"):]},
			method: "headline", want: "The keeper of Corran Head speaks"},
		{name: "interview by names", doc: summary.Doc{Language: "en", Title: "The keeper", Text: "Ines Falk has run the lighthouse on Corran Head for thirty years.\n\nPost: When did you climb it?\n\nFalk: I was six.\n\nPost: Is it lonely?\n\nFalk: Never, we have the birds here and I read a lot in the long winter nights.\n\nPost: And the lamp, what will happen to it when you have left the tower?\n\nFalk: It will go dark in March, and I would rather not be there to watch that happen."},
			holds: []string{"Ines Falk has run"}, lacks: []string{"birds", "dark in March"}},
		{name: "table", doc: summary.Doc{Language: "en", Title: "Rovers go top", Text: tableText},
			holds: []string{"Rovers went top of the coast league"}, lacks: []string{"|", "29"}},
		{name: "nothing but a table", doc: summary.Doc{Language: "en", Title: "Coast league table", Text: "Rovers | 12 | 29\nAlbion | 12 | 27\nUnited | 12 | 20"},
			method: "headline", want: "Coast league table"},
		{name: "one endless sentence", doc: summary.Doc{Language: "en", Title: "Nothing decided", Text: long}, method: "headline", want: "Nothing decided"},
		{name: "one endless sentence and no headline", doc: summary.Doc{Language: "en", Text: long}, method: "lead", holds: []string{"The ferry company"}},
		{name: "unknown language", doc: summary.Doc{Language: "tlh", Title: "X", Text: strings.Repeat("Qapla batlh je tlhIngan wo' Dun law'. HIja' maH jIH ghoS neH vaj. ", 8)}, method: "lead", holds: []string{"Qapla batlh"}},
		{name: "only the headline", doc: summary.Doc{Language: "en", Title: "Bridge opens"}, method: "headline", want: "Bridge opens"},
		{name: "nothing at all", doc: summary.Doc{}, method: "headline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := summary.Summarize(c.doc, summary.Options{})
			verbatim(t, c.doc.Text, s)
			if c.method != "" && s.Method != c.method {
				t.Errorf("method is %q (%s), want %q; text %q", s.Method, s.Reason, c.method, s.Text)
			}
			if c.want != "" && s.Text != c.want {
				t.Errorf("got %q, want %q", s.Text, c.want)
			}
			for _, part := range c.holds {
				if !strings.Contains(s.Text, part) {
					t.Errorf("%q lacks %q", s.Text, part)
				}
			}
			for _, part := range c.lacks {
				if strings.Contains(s.Text, part) {
					t.Errorf("%q holds %q", s.Text, part)
				}
			}
			if n := summary.Words(s.Text); n > 60 {
				t.Errorf("%d words", n)
			}
			if s.Reason == "" {
				t.Error("no reason for the desk")
			}
		})
	}
}

// Sentences that other stories of the issue have printed are not printed again.
func TestAvoid(t *testing.T) {
	d := summary.Doc{Language: "en", Title: "Last wooden ferry sails into a museum", Text: ferry}
	first := summary.Summarize(d, summary.Options{})
	again := summary.Summarize(d, summary.Options{Avoid: strings.Split(first.Text, "\n")})
	for line := range strings.SplitSeq(again.Text, "\n") {
		if strings.Contains(first.Text, line) {
			t.Errorf("%q is printed twice", line)
		}
	}
	if again.Text == "" {
		t.Error("nothing left to print")
	}
}

// Budgets other than the default hold, too.
func TestBudgets(t *testing.T) {
	d := summary.Doc{Language: "en", Title: "Last wooden ferry sails into a museum", Text: ferry}
	for _, o := range []summary.Options{{Words: 25}, {Words: 120, Sentences: 6}, {Sentences: 1}, {Words: 5}} {
		s := summary.Summarize(d, o)
		verbatim(t, ferry, s)
		if n := summary.Words(s.Text); o.Words > 0 && n > max(o.Words, summary.Words(d.Title)) {
			t.Errorf("%d words, want at most %d", n, o.Words)
		}
		if n := len(s.Sentences); o.Sentences > 0 && n > o.Sentences {
			t.Errorf("%d sentences, want at most %d", n, o.Sentences)
		}
	}
}

// The opening is cleaned of what is not the story, whatever the alphabet.
func TestOpenings(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		{"en", "(CNN)The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "LONDON, England (CNN) -- The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "OSLO (Reuters) - The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "Mumbai, Jul 27 (PTI) The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "KYIV — The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "NEW DELHI: The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "By . Jane Roe . PUBLISHED: . 05:12 EST, 3 June 2013 . | . UPDATED: . 06:30 EST, 3 June 2013 . The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "The harbour (pictured) froze over on Monday.", "The harbour froze over on Monday."},
		{"es", "Madrid, 3 may (EFE).- El puerto se heló el lunes por la noche.", "El puerto se heló el lunes por la noche."},
		{"fr", "Paris (AFP) - Le port a gelé dans la nuit de lundi.", "Le port a gelé dans la nuit de lundi."},
		{"de", "Berlin (dpa) - Der Hafen ist am Montag zugefroren.", "Der Hafen ist am Montag zugefroren."},
		{"ru", "МОСКВА, 5 ноя — РИА Новости. Гавань замёрзла в понедельник вечером.", "Гавань замёрзла в понедельник вечером."},
		{"ar", "القاهرة (رويترز) - تجمد الميناء يوم الاثنين بعد ليلة باردة.", "تجمد الميناء يوم الاثنين بعد ليلة باردة."},
		{"ur", "اسلام آباد (ویب ڈیسک) بندرگاہ پیر کی رات جم گئی۔", "بندرگاہ پیر کی رات جم گئی۔"},
		{"zh", "新华社北京5月3日电（记者王明）港口星期一结冰。", "港口星期一结冰。"},
		{"zh", "（科兰日报讯 记者王丽）港口星期一结冰。", "港口星期一结冰。"},
		{"zh", "〔記者林美惠／台南報導〕港口星期一結冰。", "港口星期一結冰。"},
		{"ar", "كوران - (أ ف ب): تجمد الميناء يوم الاثنين بعد ليلة باردة.", "تجمد الميناء يوم الاثنين بعد ليلة باردة."},
		{"en", "HARBOUR, Nov. 27, 2026 /PRNewswire/ -- The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "HARBOUR--(BUSINESS WIRE)--The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"de", "Hafen/Bergdorf (lnw) – Der Hafen ist am Montag zugefroren.", "Der Hafen ist am Montag zugefroren."},
		{"de", "Hafendorf (dpa/lni) - Der Hafen ist am Montag zugefroren.", "Der Hafen ist am Montag zugefroren."},
		{"de", "Hafendorf (rd). Der Hafen ist am Montag zugefroren.", "Der Hafen ist am Montag zugefroren."},
		{"ru", "Нижний Новгород. 28 ноября. INTERFAX.RU - Гавань замёрзла в понедельник вечером.", "Гавань замёрзла в понедельник вечером."},
		{"ru", "Самара, 28 ноября 2026, 11:20 — REGNUM Гавань замёрзла в понедельник вечером.", "Гавань замёрзла в понедельник вечером."},
		// Lines before it that are no sentences go as well.
		{"en", "CITY HALL\n\nOSLO — The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "By Ines Falk, Staff Writer\n\nPosted 6:15 a.m. Updated 8:40 a.m.\n\nOSLO (AP) — The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "FOR IMMEDIATE RELEASE\n\nOSLO: The harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"en", "Posted 6:15 a.m. Updated 8:40 a.m.\n\nThe harbour froze over on Monday.", "The harbour froze over on Monday."},
		{"de", "Kommunales\n\nHafendorf (ots) - Der Hafen ist am Montag zugefroren.", "Der Hafen ist am Montag zugefroren."},
		// What only looks like a dateline stays.
		{"en", "Posted figures say that the harbour froze over on Monday.", "Posted figures say that the harbour froze over on Monday."},
		{"en", "The Harbour Board (hb) said on Monday that the ice will hold.", "The Harbour Board (hb) said on Monday that the ice will hold."},
		{"en", "The Harbour Audit Office (HAO) said on Monday that the ice will hold.", "The Harbour Audit Office (HAO) said on Monday that the ice will hold."},
		{"en", "Moss, Hale — the two engineers of the harbour — have left for good.", "Moss, Hale — the two engineers of the harbour — have left for good."},
		{"vi", "Theo báo Harbour Post (HP), bến cảng đóng băng vào tối thứ hai.", "Theo báo Harbour Post (HP), bến cảng đóng băng vào tối thứ hai."},
		{"ur", "اسلام آباد: قومی ساحلی بیورو (نسب) نے بندرگاہ پیر کی رات بند کر دی۔", "قومی ساحلی بیورو (نسب) نے بندرگاہ پیر کی رات بند کر دی۔"},
		{"ar", "قال الوزير: سيفتح الميناء يوم الاثنين بعد ليلة باردة.", "قال الوزير: سيفتح الميناء يوم الاثنين بعد ليلة باردة."},
		{"vi", "(Dân trí) - Bến cảng đóng băng vào tối thứ hai.", "Bến cảng đóng băng vào tối thứ hai."},
	} {
		s := summary.Summarize(summary.Doc{Language: c.lang, Text: c.text}, summary.Options{})
		verbatim(t, c.text, s)
		if s.Text != c.want {
			t.Errorf("%s: got %q, want %q", c.lang, s.Text, c.want)
		}
	}
}

// A sentence over the budget is printed without its aside, and never without
// what attributes or denies.
// What a page says of itself, or for whoever pays it, is not the story; nor is half a
// bracket or the bullet before a sentence.
func TestNotTheStory(t *testing.T) {
	const story = "The harbour ferry sails again from Monday after the quay was mended. Tickets cost four crowns, as they did before the storm."
	for _, page := range []string{
		"Read on for six facts about the harbour ferry that sails again from Monday.",
		"This post about the harbour ferry has been compensated by the quay company.",
		"Stay tuned for more about the harbour ferry and the quay!",
		"Here’s all about the harbour ferry that sails again from Monday.",
		"(By using the harbour ferry links you support the quay.",
	} {
		s := summary.Summarize(summary.Doc{Language: "en", Title: "Harbour ferry sails again", Text: page + "\n" + story}, summary.Options{Words: 30})
		if first, _, _ := strings.Cut(page, " "); strings.Contains(s.Text, first) {
			t.Errorf("got %q with %q", s.Text, page)
		}
	}
	s := summary.Summarize(summary.Doc{Language: "en", Text: "•The quay was mended in two weeks by eleven men.\n" + story}, summary.Options{})
	if strings.Contains(s.Text, "•") || !strings.Contains(s.Text, "eleven") {
		t.Errorf("got %q, want the item without its bullet", s.Text)
	}
}

func TestAsides(t *testing.T) {
	const tail = "the only winter crossing to the islands, for the eleven weeks that the engineers of the coast authority need to weld new plates under its two oldest spans, and so the ferry will sail six times a day instead of twice until the middle of April."
	title := "Bridge to close"
	for _, c := range []struct{ aside, want string }{
		{"(opened in 1931 by the old king)", "extract"},
		{"(which the mayor denies has rusted)", "headline"},
		{"(closed twice, police said)", "headline"},
	} {
		text := "The council of Harrow Bay has voted to close the iron bridge " + c.aside + " over the sound, " + tail
		s := summary.Summarize(summary.Doc{Language: "en", Title: title, Text: text}, summary.Options{Words: 62})
		verbatim(t, text, s)
		if s.Method != c.want {
			t.Errorf("%s: %q by %s, want %s", c.aside, s.Text, s.Method, c.want)
		}
		if strings.Contains(s.Text, "(") {
			t.Errorf("aside kept: %q", s.Text)
		}
	}
}
