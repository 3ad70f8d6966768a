package templates

import "time"

// The samples are fiction: no such paper, place or person exists.

var karachi = time.FixedZone("PKT", 5*3600)

func at(day, hour, minute int) time.Time {
	return time.Date(2026, time.November, day, hour, minute, 0, 0, karachi)
}

func sampleIssues() map[string]Issue {
	return map[string]Issue{"en": sampleEnglish(), "ur": sampleUrdu(), "ru": sampleRussian(), "bydate": sampleByDate(), "ar": sampleArabic()}
}

func sampleBrand() Brand {
	return Brand{
		Name: "The Harbour Courier", URL: "https://courier.example/", Accent: "#8a2f1d",
		Postal: "Harbour Courier Press, 14 Lighthouse Road, Port Selwyn 40210",
	}
}

func sampleEnglish() Issue {
	stories := []Story{
		{
			Title: "Ferry to the outer islands returns after eleven years, and the first crossing is full", URL: "https://courier.example/2026/11/23/ferry-returns?src=morning",
			Summary: []string{
				"The ferry Marisol left Port Selwyn at dawn on Sunday with 312 passengers, eleven years after the last scheduled crossing to the outer islands.",
				"The harbour board says the winter timetable of three crossings a week is sold out until the new year.",
			},
			Source: "The Harbour Courier", Author: "Ines Okafor", Published: at(23, 5, 40), Rank: 1, Lead: true,
			Image: "https://courier.example/img/ferry.jpg", ImageAlt: "The white ferry Marisol leaves the harbour at sunrise, people waving from the pier",
			Related: []Link{
				{Title: "What the crossing costs, and who pays less", URL: "https://courier.example/2026/11/22/ferry-fares?src=morning"},
				{Title: "فیری کی واپسی: جزیروں کے لوگ کیا کہتے ہیں", URL: "https://courier.example/ur/ferry?src=morning", Language: "ur", Direction: "rtl"},
			},
		},
		{
			Title: "City council moves the vote on the night bus to Thursday", URL: "https://courier.example/2026/11/22/night-bus?src=morning",
			Summary: []string{"Two members asked for the cost of the third line before they decide. The plan itself has a majority."},
			Source:  "The Harbour Courier", Published: at(22, 22, 10), Rank: 2,
		},
		{
			Title: "Why a slow harbour is good for us", URL: "https://courier.example/2026/11/22/slow-harbour?src=morning",
			Summary: []string{"Every crane that stands still on a Sunday gives the bay a day to breathe, and the books bear it."},
			Source:  "The Harbour Courier", Author: "Tomas Vries", Published: at(22, 16, 5), Rank: 3, Label: "opinion",
		},
		{
			Title: "ساحلی شہر میں پہلی بار OPEC کے ماہرین کا اجلاس", URL: "https://courier.example/ur/opec?src=morning", Language: "ur", Direction: "rtl",
			Summary: []string{"اجلاس میں بارہ ملکوں کے نمائندے شریک ہیں اور اس کا اختتام جمعرات کو ہو گا۔"},
			Source:  "The Harbour Courier", Published: at(23, 4, 15), Rank: 4,
		},
		{
			Title: "Storm warning lifted for the northern bay", URL: "https://courier.example/2026/11/23/storm?src=morning",
			Summary: []string{"Winds fell below 60 km/h during the night. Small boats may leave from 9 am."},
			Source:  "Bay Radio", Published: at(23, 6, 20), Rank: 5, Label: "live", AI: true,
		},
	}
	latest := []Story{
		{Title: "Library opens its tower room to night readers", URL: "https://courier.example/2026/11/23/library?src=morning", Summary: []string{"From December the room under the clock stays open until two in the morning, with tea and a ban on telephones."}, Source: "The Harbour Courier", Published: at(23, 6, 45)},
		{Title: "Bakers agree on one price for the harbour loaf", URL: "https://courier.example/2026/11/23/loaf?src=morning", Summary: []string{"Nine of eleven bakeries signed. The loaf costs 2.40 from Monday, 30 less than in spring."}, Source: "The Harbour Courier", Published: at(23, 6, 30)},
		{Title: "Three schools share one orchestra, and win", URL: "https://courier.example/2026/11/23/orchestra?src=morning", Summary: []string{"The jury praised “a sound that knows where it comes from”."}, Source: "Bay Radio", Published: at(23, 6, 5)},
		{Title: "New lenses for the old lighthouse", URL: "https://courier.example/2026/11/22/lighthouse?src=morning", Source: "The Harbour Courier", Published: at(22, 21, 0)},
		{Title: "Mayor names gull as head of complaints office", URL: "https://courier.example/2026/11/22/gull?src=morning", Summary: []string{"The bird was chosen for its voice and will sit on Tuesdays."}, Source: "The Crooked Buoy", Published: at(22, 18, 0), Label: "satire"},
		{Title: "How to winter-proof a wooden boat in one weekend", URL: "https://courier.example/2026/11/21/boat?src=morning", Summary: []string{"A checklist from the yard at Pier 4."}, Source: "Pier 4 Boatyard", Published: at(21, 12, 0), Label: "paid"},
		{Title: "Harbour rowers reach the national final by a hand’s breadth", URL: "https://courier.example/2026/11/22/rowers?src=morning", Summary: []string{"The women’s eight came second after leading for 1,400 metres; the final is on Saturday."}, Source: "The Harbour Courier", Published: at(22, 19, 30)},
	}
	return Issue{
		Brand: sampleBrand(), Newsletter: "Morning Digest", Language: "en", Direction: "ltr", City: "Port Selwyn", Date: at(23, 7, 0), Number: 214,
		Subject: "Ferry to the outer islands returns after eleven years, and the first crossing is full", Preheader: "City council moves the vote on the night bus · Why a slow harbour is good for us",
		Sections: []Section{{Kind: "trending", Stories: stories}, {Kind: "latest", Stories: latest}}, ArchiveURL: "https://news.courier.example/morning/214",
		Corrections: []Correction{
			{Date: at(22, 7, 0), URL: "https://news.courier.example/morning/213", Text: []string{"We wrote that the harbour board has nine members. It has eleven; nine of them voted.", "The photograph of Pier 4 was by Ines Okafor."}},
			{Date: at(20, 7, 0), URL: "https://news.courier.example/morning/211", Text: []string{"The regatta is on 5 December, not on 12 December."}},
		},
	}
}

func sampleByDate() Issue {
	v := sampleEnglish()
	v.ByDate = true
	v.Subject = "Why a slow harbour is good for us"
	return v
}

func sampleUrdu() Issue {
	trending := []Story{
		{
			Title: "گیارہ سال بعد جزیروں کی کشتی سروس بحال، پہلا سفر مسافروں سے بھرا ہوا", URL: "https://courier.example/ur/2026/11/23/ferry?src=subah",
			Summary: []string{
				"کشتی Marisol اتوار کی صبح 312 مسافروں کو لے کر بندرگاہ سے روانہ ہوئی۔ گیارہ سال میں یہ بیرونی جزیروں کا پہلا باقاعدہ سفر ہے۔",
				"بندرگاہ کے ادارے کا کہنا ہے کہ سردیوں کے تمام سفر نئے سال تک بک ہو چکے ہیں۔",
			},
			Source: "The Harbour Courier", Author: "نادیہ رحمان", Published: at(23, 5, 40), Rank: 1, Lead: true, Language: "ur", Direction: "rtl",
			Image: "https://courier.example/img/ferry.jpg", ImageAlt: "سفید کشتی صبح کے وقت بندرگاہ سے نکل رہی ہے",
			Related: []Link{
				{Title: "کرایہ کتنا ہے اور رعایت کس کو ملے گی", URL: "https://courier.example/ur/fares?src=subah", Language: "ur", Direction: "rtl"},
				{Title: "Ferry timetable for the winter", URL: "https://courier.example/timetable?src=subah", Language: "en", Direction: "ltr"},
			},
		},
		{Title: "OPEC کے ماہرین کا اجلاس ساحلی شہر میں شروع", URL: "https://courier.example/ur/opec?src=subah", Summary: []string{"اجلاس میں بارہ ملکوں کے نمائندے شریک ہیں اور اس کا اختتام جمعرات کو ہو گا۔"}, Source: "The Harbour Courier", Published: at(23, 4, 15), Rank: 2, Language: "ur", Direction: "rtl"},
		{Title: "سست بندرگاہ ہمارے لیے کیوں اچھی ہے", URL: "https://courier.example/ur/slow?src=subah", Summary: []string{"جو کرین اتوار کو کھڑی رہتی ہے وہ خلیج کو سانس لینے کا ایک دن دیتی ہے۔"}, Source: "صبح نامہ", Published: at(22, 16, 5), Rank: 3, Label: "opinion", Language: "ur", Direction: "rtl"},
		{Title: "شمالی خلیج میں طوفان کی وارننگ ختم", URL: "https://courier.example/ur/storm?src=subah", Summary: []string{"رات کو ہوا کی رفتار 60 کلومیٹر فی گھنٹہ سے کم ہو گئی۔ چھوٹی کشتیاں صبح 9 بجے سے جا سکتی ہیں۔"}, Source: "Bay Radio", Published: at(23, 6, 20), Rank: 4, Label: "live", AI: true, Language: "ur", Direction: "rtl"},
	}
	latest := []Story{
		{Title: "کتب خانے کا مینار والا کمرہ رات کے قارئین کے لیے کھلے گا", URL: "https://courier.example/ur/library?src=subah", Summary: []string{"دسمبر سے گھڑی کے نیچے والا کمرہ رات دو بجے تک کھلا رہے گا، چائے کے ساتھ اور ٹیلی فون کے بغیر۔"}, Source: "صبح نامہ", Published: at(23, 6, 45), Language: "ur", Direction: "rtl"},
		{Title: "Three schools share one orchestra, and win", URL: "https://courier.example/orchestra?src=subah", Summary: []string{"The jury praised “a sound that knows where it comes from”."}, Source: "Bay Radio", Published: at(23, 6, 5), Language: "en", Direction: "ltr"},
		{Title: "نانبائیوں کا ایک ہی قیمت پر اتفاق", URL: "https://courier.example/ur/loaf?src=subah", Summary: []string{"گیارہ میں سے نو بیکریوں نے دستخط کیے۔ نئی قیمت پیر سے لاگو ہو گی۔"}, Source: "صبح نامہ", Published: at(21, 6, 30), Language: "ur", Direction: "rtl"},
		{Title: "مئیر نے بگلے کو شکایات کا افسر بنا دیا", URL: "https://courier.example/ur/gull?src=subah", Summary: []string{"پرندہ اپنی آواز کی وجہ سے چنا گیا اور منگل کو بیٹھے گا۔"}, Source: "The Crooked Buoy", Published: at(22, 18, 0), Label: "satire", Language: "ur", Direction: "rtl"},
		{Title: "پرانے روشنی گھر کے لیے نئے عدسے", URL: "https://courier.example/ur/lighthouse?src=subah", Source: "صبح نامہ", Published: at(22, 21, 0), Language: "ur", Direction: "rtl"},
		{Title: "کشتی رانوں کی ٹیم قومی فائنل میں", URL: "https://courier.example/ur/rowers?src=subah", Summary: []string{"خواتین کی ٹیم 1400 میٹر تک آگے رہی؛ فائنل ہفتے کو ہو گا۔"}, Source: "صبح نامہ", Published: at(22, 19, 30), Language: "ur", Direction: "rtl"},
		{Title: "لکڑی کی کشتی کو سردی سے کیسے بچائیں", URL: "https://courier.example/ur/boat?src=subah", Summary: []string{"گودی نمبر 4 کی فہرست، قدم بہ قدم۔"}, Source: "Pier 4 Boatyard", Published: at(21, 12, 0), Label: "paid", Language: "ur", Direction: "rtl"},
		{Title: "سکول کے بچوں نے ساحل سے دو ٹن کچرا اٹھایا", URL: "https://courier.example/ur/beach?src=subah", Summary: []string{"بچوں کا کہنا ہے کہ وہ ہر ماہ آئیں گے۔"}, Source: "صبح نامہ", Published: at(22, 11, 0), Language: "ur", Direction: "rtl"},
	}
	return Issue{
		Brand: sampleBrand(), Newsletter: "صبح نامہ", Language: "ur", Direction: "rtl", City: "اسلام آباد", Date: at(23, 7, 0), Number: 88,
		Subject: "OPEC کے ماہرین کا اجلاس ساحلی شہر میں شروع", Preheader: "گیارہ سال بعد جزیروں کی کشتی Marisol بحال · سست بندرگاہ ہمارے لیے کیوں اچھی ہے",
		Sections: []Section{{Kind: "trending", Stories: trending}, {Kind: "latest", Stories: latest}}, ArchiveURL: "https://news.courier.example/subah/88",
		Corrections: []Correction{{Date: at(22, 7, 0), URL: "https://news.courier.example/subah/87?edition=ur", Text: []string{"ہم نے لکھا تھا کہ کشتی Marisol میں 213 مسافر تھے۔ درست تعداد 312 ہے۔"}}},
	}
}

func sampleRussian() Issue {
	trending := []Story{
		{Title: "Паром на дальние острова вернулся спустя одиннадцать лет, первый рейс полон", URL: "https://courier.example/ru/ferry?src=utro", Summary: []string{"Паром «Марисоль» вышел из порта на рассвете в воскресенье с 312 пассажирами. Это первый регулярный рейс за одиннадцать лет.", "В управлении порта говорят, что билеты на зимние рейсы раскуплены до нового года."}, Source: "Портовый курьер", Author: "Анна Лисина", Published: at(23, 5, 40), Rank: 1, Lead: true, Image: "https://courier.example/img/ferry.jpg"},
		{Title: "Голосование о ночном автобусе перенесли на четверг", URL: "https://courier.example/ru/bus?src=utro", Summary: []string{"Двое членов совета попросили сначала показать стоимость третьей линии."}, Source: "Портовый курьер", Published: at(22, 22, 10), Rank: 2},
		{Title: "Чем хороша медленная гавань", URL: "https://courier.example/ru/slow?src=utro", Summary: []string{"Каждый кран, который стоит в воскресенье, даёт заливу день передышки."}, Source: "Портовый курьер", Published: at(22, 16, 5), Rank: 3, Label: "opinion"},
	}
	latest := []Story{
		{Title: "Библиотека открывает башню для ночных читателей", URL: "https://courier.example/ru/library?src=utro", Summary: []string{"С декабря комната под часами работает до двух часов ночи."}, Source: "Портовый курьер", Published: at(23, 6, 45)},
		{Title: "Пекари договорились о единой цене", URL: "https://courier.example/ru/loaf?src=utro", Summary: []string{"Подписали девять пекарен из одиннадцати."}, Source: "Радио залива", Published: at(23, 6, 30), AI: true},
	}
	return Issue{
		Brand: Brand{Name: "Портовый курьер", Accent: "", Postal: "Порт-Селвин, Маячная улица, 14"}, Newsletter: "Утренний выпуск", Language: "ru", Direction: "ltr", City: "Порт-Селвин", Date: at(23, 7, 0),
		Subject: trending[0].Title, Sections: []Section{{Kind: "trending", Stories: trending}, {Kind: "latest", Stories: latest}},
	}
}

// sampleArabic is in a language that we have no words in: ours are English.
func sampleArabic() Issue {
	trending := []Story{
		{Title: "خبراء OPEC يجتمعون في المدينة الساحلية للمرة الأولى", URL: "https://courier.example/ar/opec?src=sabah", Summary: []string{"يشارك في الاجتماع ممثلون عن 12 دولة، وينتهي يوم الخميس."}, Source: "The Harbour Courier", Author: "نادية رحمن", Published: at(23, 5, 40), Rank: 1, Lead: true, Language: "ar", Related: []Link{{Title: "ماذا ينتظر الصيادون من الاجتماع", URL: "https://courier.example/ar/fishers?src=sabah", Language: "ar"}}},
		{Title: "لماذا ينفعنا الميناء البطيء", URL: "https://courier.example/ar/slow?src=sabah", Summary: []string{"كل رافعة تتوقف يوم الأحد تمنح الخليج يوما يتنفس فيه."}, Source: "صباح الميناء", Published: at(22, 16, 5), Rank: 2, Label: "opinion", Language: "ar"},
		{Title: "Three schools share one orchestra, and win", URL: "https://courier.example/orchestra?src=sabah", Summary: []string{"The jury praised “a sound that knows where it comes from”."}, Source: "Bay Radio", Published: at(23, 6, 5), Rank: 3, Language: "en"},
	}
	return Issue{
		Brand: sampleBrand(), Newsletter: "صباح الميناء", Language: "ar", City: "بورت سلوين", Date: at(23, 7, 0), Number: 12,
		Subject: trending[0].Title, Sections: []Section{{Kind: "trending", Stories: trending}}, ArchiveURL: "https://news.courier.example/sabah/12",
		Corrections: []Correction{{Date: at(22, 7, 0), Text: []string{"كتبنا أن الاجتماع ينتهي يوم الأربعاء، وهو ينتهي يوم الخميس."}}},
	}
}
