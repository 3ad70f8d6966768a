package demo

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Lists that fictional people are on.
const (
	ListMorning = "morning" // the digest of every day
	ListEvening = "evening" // the same for after work
	ListWeekend = "weekend" // the long reads
)

// A Person subscribes to one or more lists. Nobody of that name lives at that
// address: all domains are reserved for examples (RFC 2606, RFC 6761).
type Person struct {
	Email    string
	Name     string
	Language string   // en, ur or ru
	Zone     string   // IANA
	City     string   // in English
	Topics   []string // keys of sections, none means all
	Lists    []string // at least one of ListMorning, ListEvening, ListWeekend
}

// Attrs are the person's attributes as a list import has them.
func (p Person) Attrs() map[string]string {
	return map[string]string{"city": p.City, "topics": strings.Join(p.Topics, ",")}
}

// name is a part of a name as people write it and as an address has it.
type name struct{ written, latin string }

type names struct{ first, last []name }

func latin(list string) []name {
	var out []name
	for n := range strings.FieldsSeq(list) {
		out = append(out, name{n, strings.ToLower(n)})
	}
	return out
}

func pairs(list string) []name {
	var out []name
	for n := range strings.FieldsSeq(list) {
		written, address, _ := strings.Cut(n, "/")
		out = append(out, name{strings.ReplaceAll(written, "_", " "), address})
	}
	return out
}

var peoplesNames = map[string]names{
	"en": {
		latin("Ada Beatrix Caleb Dorothea Edwin Florence Gareth Hester Imogen Jasper Keziah Linus Mabel Nathan Olive Perpetua Quentin Rosalind Silas Tabitha Una Victor Winifred Yolanda Zachary Aoife Bogdan Chiara Emeka Freya"),
		latin("Ashdown Birtwistle Corrigan Dunmore Ellwood Fairweather Garside Hollis Ironmonger Jessop Kettle Lockwood Merriman Nightingale Okafor Pemberton Quill Rackham Sandoval Thistlewood Underhill Vance Whitlock Yarrow Adeyemi Bielan Castellan Draper"),
	},
	"ur": {
		pairs("عائشہ/ayesha بلال/bilal دانش/danish فاطمہ/fatima حمزہ/hamza سعدیہ/sadia کاشف/kashif خدیجہ/khadija مریم/maryam نعمان/nauman رابعہ/rabia سلمان/salman طارق/tariq زینب/zainab یاسر/yasir"),
		pairs("احمد/ahmad بٹ/butt چوہدری/chaudhry فاروقی/farooqi ہاشمی/hashmi جاوید/javed خٹک/khattak لودھی/lodhi ملک/malik قریشی/qureshi رضوی/rizvi صدیقی/siddiqui عثمانی/usmani"),
	},
	"ru": {
		pairs("Анна/anna Борис/boris Вера/vera Глеб/gleb Дарья/darya Егор/egor Зоя/zoya Илья/ilya Кира/kira Лев/lev Майя/maya Олег/oleg Полина/polina Роман/roman Софья/sofya"),
		pairs("Бережной/berezhnoy Гринько/grinko Дьяченко/dyachenko Жук/zhuk Загребельный/zagrebelny Мельник/melnik Остапенко/ostapenko Пасько/pasko Руденко/rudenko Шевчук/shevchuk Ярмак/yarmak"),
	},
}

// homes are where readers live; the first of a language is the usual one.
var homes = map[string][]struct{ city, zone string }{
	"en": {{"Port Ellery", "Europe/London"}, {"Port Ellery", "Europe/London"}, {"Saltgate", "Europe/London"}, {"Dublin", "Europe/Dublin"}, {"Toronto", "America/Toronto"}, {"New York", "America/New_York"}, {"Sydney", "Australia/Sydney"}, {"Auckland", "Pacific/Auckland"}},
	"ur": {{"Port Ellery", "Europe/London"}, {"Karachi", "Asia/Karachi"}, {"Lahore", "Asia/Karachi"}, {"Dubai", "Asia/Dubai"}, {"Port Ellery", "Europe/London"}},
	"ru": {{"Port Ellery", "Europe/London"}, {"Riga", "Europe/Riga"}, {"Almaty", "Asia/Almaty"}, {"Port Ellery", "Europe/London"}},
}

var mailDomains = []string{"example.com", "example.net", "example.org", "post.example", "mail.example", "harbour.example"}

// Subscribers returns n fictional people with different addresses. The same n
// and seed give the same people, and fewer people are the first of more.
func Subscribers(n int, seed int64) []Person {
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	taken := map[string]int{}
	out := make([]Person, 0, n)
	for range n {
		out = append(out, somebody(rng, taken))
	}
	return out
}

func somebody(rng *rand.Rand, taken map[string]int) Person {
	lang := "en"
	switch x := rng.Float64(); {
	case x < .22:
		lang = "ur"
	case x < .36:
		lang = "ru"
	}
	from := peoplesNames[lang]
	first, last := pick(rng, from.first), pick(rng, from.last)
	local := first.latin + "." + last.latin
	if taken[local]++; taken[local] > 1 {
		local += strconv.Itoa(taken[local])
	}
	home := pick(rng, homes[lang])
	return Person{
		Email: local + "@" + pick(rng, mailDomains), Name: first.written + " " + last.written, Language: lang,
		Zone: home.zone, City: home.city, Topics: topics(rng), Lists: lists(rng),
	}
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// topics are none for four in ten people, else two to four sections.
func topics(rng *rand.Rand) []string {
	if rng.Float64() < .4 {
		return nil
	}
	var out []string
	for _, i := range rng.Perm(len(sectionKeys))[:2+rng.IntN(3)] {
		out = append(out, sectionKeys[i])
	}
	slices.Sort(out)
	return out
}

// lists: most people take the morning, some more than one.
func lists(rng *rand.Rand) []string {
	var out []string
	if rng.Float64() < .75 {
		out = append(out, ListMorning)
	}
	if rng.Float64() < .25 {
		out = append(out, ListEvening)
	}
	if len(out) == 0 || rng.Float64() < .35 {
		out = append(out, ListWeekend)
	}
	return out
}
