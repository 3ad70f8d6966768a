package demo

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// zone is where Port Ellery lies.
var zone = sync.OnceValue(func() *time.Location {
	if z, err := time.LoadLocation("Europe/London"); err == nil {
		return z
	}
	return time.UTC // a machine without zone data
})

// Languages of the site, the first at its root.
var languages = []string{"en", "ur", "ru"}

// language is everything of the site that is said in one language.
type language struct {
	dir, locale          string
	site, tagline, city  string
	sections             map[string]string
	days, months         []string
	onDays               []string // as a sentence says them; nil means days
	dateOrder            string   // with D, M and Y
	weather              string
	ui                   map[string]string
	bios                 string // with NAME
	talk                 []string
	cookie, letter, foot string
}

// sectionKeys in the order of the menu.
var sectionKeys = []string{"city", "politics", "business", "science", "culture", "sport", "opinion"}

// words are the site's languages by code.
var words = map[string]*language{
	"en": {
		dir: "ltr", locale: "en_GB", site: "The Ellery Courier", tagline: "News from Port Ellery and the coast since 1874", city: "Port Ellery",
		sections:  map[string]string{"city": "City", "politics": "Politics", "business": "Business", "science": "Science", "culture": "Culture", "sport": "Sport", "opinion": "Opinion"},
		days:      []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months:    []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		dateOrder: "D M Y", weather: "Light showers",
		ui: map[string]string{
			"home": "Home", "more": "Read More", "posts": "+ posts", "trending": "Trending Now", "latest": "Latest News", "related": "Related Articles", "by": "By",
			"share": "Share", "comments": "Comments", "reply": "Leave a Reply", "replynote": "Your email address will not be published. Required fields are marked *",
			"letter": "Newsletter", "subscribe": "Subscribe", "email": "Your email address", "accept": "Accept All", "reject": "Only necessary", "tags": "Tags",
			"previous": "Previous article", "next": "Next article", "about": "About Us", "advertise": "Advertise", "contact": "Contact", "search": "Search", "breaking": "Breaking", "photo": "Photo: Courier archive", "listen": "Listen to this article", "updated": "Updated", "opinion": "Opinion", "live": "Live", "missing": "This page does not exist", "ad": "Advertisement",
		},
		bios:   "NAME writes for The Ellery Courier from the newsroom on Customs Quay and has covered the city for many years. Tips are welcome by post and in person.",
		talk:   []string{"Finally somebody writes about this. My street has been waiting for years.", "I would like to know who pays for it in the end.", "Good report, but please ask the people in Saltgate as well.", "Seen it with my own eyes on the way to work. It is worse than you say.", "Can the Courier publish the full document?"},
		cookie: "We use cookies to improve your experience, to count visits and to show you advertising. You can change your choice at any time.", letter: "Get the day’s most important stories in your inbox every morning. No spam, unsubscribe at any time.",
		foot: "© The Ellery Courier. All rights reserved. Port Ellery is a fictional city.",
	},
	"ur": {
		dir: "rtl", locale: "ur_PK", site: "ایلری کوریئر", tagline: "پورٹ ایلری اور ساحلی علاقوں کی خبریں", city: "پورٹ ایلری",
		sections:  map[string]string{"city": "شہر", "politics": "سیاست", "business": "کاروبار", "science": "سائنس", "culture": "ثقافت", "sport": "کھیل", "opinion": "رائے"},
		days:      []string{"اتوار", "پیر", "منگل", "بدھ", "جمعرات", "جمعہ", "ہفتہ"},
		months:    []string{"جنوری", "فروری", "مارچ", "اپریل", "مئی", "جون", "جولائی", "اگست", "ستمبر", "اکتوبر", "نومبر", "دسمبر"},
		dateOrder: "D M Y", weather: "ہلکی بارش",
		ui: map[string]string{
			"home": "سرورق", "more": "مزید پڑھیں", "posts": "+ پوسٹس", "trending": "مقبول ترین", "latest": "تازہ ترین", "related": "متعلقہ خبریں", "by": "تحریر:",
			"share": "شیئر کریں", "comments": "تبصرے", "reply": "تبصرہ کریں", "replynote": "آپ کا ای میل ایڈریس شائع نہیں کیا جائے گا۔ ضروری خانوں کو * سے نشان زد کیا گیا ہے",
			"letter": "نیوز لیٹر", "subscribe": "سبسکرائب کریں", "email": "آپ کا ای میل", "accept": "سب قبول کریں", "reject": "صرف ضروری", "tags": "ٹیگز",
			"previous": "پچھلی خبر", "next": "اگلی خبر", "about": "ہمارے بارے میں", "advertise": "اشتہار دیں", "contact": "رابطہ", "search": "تلاش", "breaking": "بریکنگ نیوز", "photo": "فوٹو: کوریئر آرکائیو", "listen": "یہ خبر سنیں", "updated": "اپ ڈیٹ", "opinion": "رائے", "live": "براہِ راست", "missing": "یہ صفحہ موجود نہیں", "ad": "اشتہار",
		},
		bios:   "NAME کا تعلق ایلری کوریئر کے شعبۂ اردو سے ہے۔ شہر، بندرگاہ اور ساحلی علاقوں کی خبریں اسی قلم سے قارئین تک پہنچتی ہیں۔",
		talk:   []string{"بہت اچھی رپورٹ ہے، ہمارے محلے کا حال بھی لکھیے۔", "سوال یہ ہے کہ اس کا خرچ کون اٹھائے گا؟", "شکریہ کوریئر، ایسی خبریں اردو میں کم ملتی ہیں۔"},
		cookie: "ہم آپ کے تجربے کو بہتر بنانے اور اشتہارات دکھانے کے لیے کوکیز استعمال کرتے ہیں۔", letter: "دن کی اہم خبریں ہر صبح اپنی ای میل پر حاصل کرنے کے لیے سبسکرائب کریں۔",
		foot: "جملہ حقوق محفوظ ہیں © ایلری کوریئر۔ پورٹ ایلری ایک فرضی شہر ہے۔",
	},
	"ru": {
		dir: "ltr", locale: "ru_RU", site: "Эллери Курьер", tagline: "Новости Порт-Эллери и побережья", city: "Порт-Эллери",
		sections:  map[string]string{"city": "Город", "politics": "Политика", "business": "Экономика", "science": "Наука", "culture": "Культура", "sport": "Спорт", "opinion": "Мнения"},
		days:      []string{"Воскресенье", "Понедельник", "Вторник", "Среда", "Четверг", "Пятница", "Суббота"},
		onDays:    []string{"в воскресенье", "в понедельник", "во вторник", "в среду", "в четверг", "в пятницу", "в субботу"},
		months:    []string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"},
		dateOrder: "D M Y", weather: "Небольшой дождь",
		ui: map[string]string{
			"home": "Главная", "more": "Читайте также", "posts": "+ записи", "trending": "Популярное", "latest": "Последние новости", "related": "Материалы по теме", "by": "Автор:",
			"share": "Поделиться", "comments": "Комментарии", "reply": "Оставить комментарий", "replynote": "Ваш адрес email не будет опубликован. Обязательные поля помечены *",
			"letter": "Рассылка", "subscribe": "Подписаться", "email": "Ваш адрес", "accept": "Принять все", "reject": "Только необходимые", "tags": "Теги",
			"previous": "Предыдущая запись", "next": "Следующая запись", "about": "О газете", "advertise": "Реклама", "contact": "Контакты", "search": "Поиск", "breaking": "Срочно", "photo": "Фото: архив «Курьера»", "listen": "Слушать статью", "updated": "Обновлено", "opinion": "Мнение", "live": "Онлайн", "missing": "Такой страницы нет", "ad": "Реклама",
		},
		bios:   "NAME — корреспондент русской редакции «Эллери Курьера», много лет пишет о жизни города и порта.",
		talk:   []string{"Спасибо за материал, давно пора было об этом написать.", "А кто будет за всё это платить?", "Проезжал вчера — всё так и есть."},
		cookie: "Мы используем файлы cookie, чтобы сайт работал лучше, и показываем рекламу.", letter: "Главные новости дня каждое утро у вас в почте. Отписаться можно в любой момент.",
		foot: "© «Эллери Курьер». Все права защищены. Порт-Эллери — вымышленный город.",
	},
}

// date is a day as a page says it: 14 November 2026.
func (l *language) date(t time.Time) string {
	return strings.NewReplacer("D", strconv.Itoa(t.Day()), "M", l.months[t.Month()-1], "Y", strconv.Itoa(t.Year())).Replace(l.dateOrder)
}

// today is the date line on top of every page.
func (l *language) today(t time.Time) string {
	if l.dir == "rtl" {
		return l.days[t.Weekday()] + "، " + l.date(t)
	}
	return l.days[t.Weekday()] + ", " + l.date(t)
}

// on is a weekday as a sentence says it.
func (l *language) on(day time.Weekday) string {
	if l.onDays != nil {
		return l.onDays[day]
	}
	return l.days[day]
}

// workday is the day itself, or the Friday before a weekend, when neither courts
// nor councils sit.
func workday(t time.Time) time.Time {
	for t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		t = t.AddDate(0, 0, -1)
	}
	return t
}

// moment is what a mark in an article stands for; an unknown mark is "".
func (l *language) moment(mark string, published time.Time) string {
	kind := strings.TrimRight(mark, "+-0123456789mh")
	offset := strings.TrimPrefix(mark, kind)
	switch kind {
	case "time":
		d, _ := time.ParseDuration(offset)
		return published.Add(d).Format("15:04")
	case "day":
		n, _ := strconv.Atoi(offset)
		return l.on(published.AddDate(0, 0, n).Weekday())
	case "workday":
		return l.on(workday(published).Weekday())
	case "date":
		n, _ := strconv.Atoi(offset)
		d := published.AddDate(0, 0, n)
		return strconv.Itoa(d.Day()) + " " + l.months[d.Month()-1]
	}
	return ""
}
