package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// language holds what has to be known word by word. Everything else in this
// package works from the article itself.
type language struct {
	abbreviations map[string]bool // lower case, without the last dot; never end a sentence
	either        map[string]bool // end one only before a starter
	starters      map[string]bool // words that begin sentences more often than names
	ordinals      bool            // "3." before a word is a date, not an end
	known         bool
}

// languageFor returns the rules for a BCP 47 tag; only the primary subtag
// counts, and an unknown one gets rules without a dictionary.
func languageFor(tag string) *language {
	primary := strings.ToLower(tag)
	if i := strings.IndexAny(primary, "-_"); i >= 0 {
		primary = primary[:i]
	}
	if l, ok := languages[primary]; ok {
		return l
	}
	return unknown
}

var unknown = &language{abbreviations: set("mr mrs ms dr prof st"), starters: set("")}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// abbreviates says whether the stop at the end of a belongs to an
// abbreviation or initial and b goes on with the same sentence.
func (l *language) abbreviates(a, b string) bool {
	word := a[:len(a)-1]
	if i := strings.LastIndexAny(word, " \t\u00a0(\"“'‘«/-"); i >= 0 {
		_, size := utf8.DecodeRuneInString(word[i:])
		word = word[i+size:]
	}
	first, size := utf8.DecodeRuneInString(word)
	lower := strings.ToLower(word)
	switch {
	case word == "":
		return false
	case l.abbreviations[lower]:
		return true
	case l.either[lower]:
		return !l.starters[firstWord(b)]
	case size == len(word) && unicode.IsUpper(first):
		return first != 'I' || len(a) == size+1 // an initial; "I" ends sentences
	case size == len(word) && unicode.IsLower(first):
		return !l.starters[firstWord(b)] // the last half of "u. a.", "т. д."
	case l.ordinals && len(word) <= 2 && isDigits(word):
		return true
	}
	return false
}

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == "" && s != ""
}

// firstWord returns the letters at the start of s, after opening quotes.
func firstWord(s string) string {
	s = strings.TrimLeft(s, "\"“'‘«„([-–— ")
	end := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		return s
	}
	return s[:end]
}

const months = "jan feb mar apr jun jul aug sep sept oct nov dec"

var languages = map[string]*language{
	"en": {known: true,
		abbreviations: set("mr mrs ms dr prof sen rep gov gen col lt sgt capt cmdr maj adm rev hon messrs vs v bros dept est mt ft e.g i.e fig approx ave blvd rd tp ths ts pgs gs op cit art spc pvt cpl supt insp det sr pres hr esq ph viz cf pp vol " + months),
		either:        set("u.s u.k u.n d.c u.a.e e.u inc ltd co corp jr st no a.m p.m etc ph.d m.d b.c a.d l.a u.s.a"),
		starters:      set("The He She It They In On At But And A An This That We You I His Her For If When While After Before As There Their These Those Its My Our So Yet Still However Meanwhile According With Since Once To From By Some Many Most One Two All Both Not No What Who Why How Where Other Another Under During Earlier Last Police Officials"),
	},
	"es": {known: true, abbreviations: set("sr sra srta dr dra d dña prof ing lic gral cnel st sta sto núm núms pág págs av avda c ud uds vd vds ee uu ej aprox p.ej art arts mons tel"), either: set("ee.uu etc a.m p.m s.a n.º"), starters: set("El La Los Las Un Una En Por Para Pero Y De Del Con Según No Se Su Sus Este Esta Al A Tras Desde")},
	"pt": {known: true, abbreviations: set("sr sra dr dra prof profa eng gen cel av núm pág ex art d"), either: set("etc a.m p.m s.a"), starters: set("O A Os As Um Uma Em No Na Por Para Mas E De Do Da Com Segundo Não Se Seu Sua")},
	"it": {known: true, abbreviations: set("sig sigg dott dr prof ing avv on sen gen col pag art ecc n"), either: set("ecc s.p.a"), starters: set("Il La Lo I Gli Le Un Una In Per Ma E Di Del Con Secondo Non Si")},
	"fr": {known: true, abbreviations: set("m mm mme mmes mlle me mgr dr pr st ste gén col av j.-c p pp art vol env tél fig cf"), either: set("etc s.a"), starters: set("Le La Les L Un Une En Dans Pour Mais Et De Du Des Avec Selon Il Elle Ils Ce Cette Au À Après")},
	"de": {known: true, ordinals: true, abbreviations: set("dr prof hr fr st str nr ca bzw vgl z z.b u u.a d d.h bzgl inkl evtl ggf geb gest mio mrd tsd sog abs art abt bd ev jh jr rd s.o u.s i.d.r dipl ing hl v chr jan feb mär apr jun jul aug sept okt nov dez"), either: set("usw etc u.s.w"), starters: set("Der Die Das Ein Eine Er Sie Es Wir In Im Am Bei Nach Mit Und Aber Auch Doch Für Auf Dies Diese Den Dem")},
	"ru": {known: true, abbreviations: set("г гг ул им д стр кв пл пр просп тыс млн млрд руб коп т т.е т.к т.н т.ч см ср св проф акад ген полк гос оз р о-в чел ок долл обл р-н"), either: set("т.д т.п др пр гг г н.э"), starters: set("В На По И Но А Он Она Они Это Как При Для С Из К О Об От До Все Также Однако После")},
	"uk": {known: true, abbreviations: set("р рр вул ім м тис млн млрд грн т т.е ст проф ген обл"), either: set("т.д ін"), starters: set("У В На За І Але А Він Вона Вони Це Як При Для З")},
	"vi": {known: true, abbreviations: set("tp ts ths pgs gs bs q p th tt kts ks lm mr mrs ms dr st nxb ubnd đ.v t"), either: set("v.v"), starters: set("Theo Tuy Trong Trước Sau Ngày Tại Ông Bà Anh Chị Các Những Một Đây Khi Nếu Với Từ")},
	"ar": {known: true, abbreviations: set("د أ م ا ص ب ت")},
	"ur": {known: true, abbreviations: set("ڈاکٹر")},
	"fa": {known: true, abbreviations: set("")},
	"zh": {known: true}, "ja": {known: true}, "ko": {known: true}, "hi": {known: true, abbreviations: set("डॉ")},
	"tr": {known: true, ordinals: false, abbreviations: set("dr prof doç av sn st vb vs no cad sok mah alb gen yrd öğr")},
	"pl": {known: true, abbreviations: set("dr prof mgr inż ul al nr im św gen płk tys mln mld zł r w np tzw tj ok godz m.in"), starters: set("")},
	"nl": {known: true, abbreviations: set("dr prof mr mevr dhr st nr ca bijv d.w.z o.a m.b.t jl"), starters: set("")},
	"id": {known: true, abbreviations: set("dr prof drs ir h hj jl no st tgl rp dkk dll")},
}
