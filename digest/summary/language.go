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
	back          []string        // sentence openers that refer to the sentence before
	links         []string        // of these, connectives that can go before a name
	later         []string        // openers that take up what was told, so that they cannot come first
	many          map[string]bool // openers that are more than one, so that no "he" is meant
	pronouns      map[string]bool // third person for somebody, lower case
	personal      map[string]bool // first person, lower case
	persons       map[string]person
	longest       int // of the persons, in bytes
	known         bool
}

// person is who a word stands for.
type person uint8

const (
	nobody person = iota
	firstPerson
	thirdPerson
)

// personOf says for whom a word stands. "US" is not "us".
func (l *language) personOf(word string) person {
	if len(word) > l.longest {
		return nobody
	}
	lower := word
	for i := range len(word) {
		if c := word[i]; c < 'a' || c > 'z' {
			if lower = strings.ToLower(word); lower != word && utf8.RuneCountInString(word) > 1 && word == strings.ToUpper(word) {
				return nobody
			}
			lower = strings.ReplaceAll(lower, "’", "'")
			break
		}
	}
	p := l.persons[lower]
	if i := strings.IndexByte(lower, '\''); p == nobody && i > 0 && l.persons[lower[:i]] == thirdPerson { // "he's"
		return thirdPerson
	}
	return p
}

// languageFor returns the rules for a BCP 47 tag; only the primary subtag
// counts, and an unknown one gets rules without a dictionary.
func languageFor(tag string) *language {
	if l, ok := languages[primary(tag)]; ok {
		return l
	}
	return unknown
}

// primary returns the language of a tag such as "pt-BR", in lower case.
func primary(tag string) string {
	tag = strings.ToLower(tag)
	if i := strings.IndexAny(tag, "-_"); i >= 0 {
		return tag[:i]
	}
	return tag
}

var unknown = &language{abbreviations: set("mr mrs ms dr prof st"), starters: set("")}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

func split(list string) []string { return strings.Split(list, "|") }

// opensWith returns the opener of the list that s begins with, if any; the
// longest one wins. Quotation marks and brackets before it do not count.
func opensWith(list []string, s string) string {
	s = strings.TrimLeft(s, "\"“'‘«„([ ")
	best := ""
	if s == "" {
		return ""
	}
	for _, o := range list {
		if o[0] == s[0] && len(o) > len(best) && strings.HasPrefix(s, o) && wordEnds(s, len(o)) {
			best = o
		}
	}
	return best
}

// wordEnds says whether a word ends at i: no letter follows, or its script
// puts no spaces between words.
func wordEnds(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	last, _ := utf8.DecodeLastRuneInString(s[:i])
	return spaceless(last) || !unicode.IsLetter(r) && !unicode.IsMark(r)
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
		return !l.starters[firstWord(b)] // "RE 17. Es fahren Busse"
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

var languages = withPersons(map[string]*language{
	"en": {known: true,
		back:          split("He|She|They|It|His|Her|Hers|Their|Theirs|Its|Him|Them|This|That|These|Those|But|And|Or|Nor|However|Meanwhile|Also|Moreover|Furthermore|Instead|Then|So|Yet|Still|Such|Nevertheless|Nonetheless|Therefore|Thus|Hence|Besides|Otherwise|Likewise|Similarly|Consequently|Additionally|In addition|As a result|For example|For instance|In turn|Even so|Both|Neither|Another|Others|One such|In response|At the time|At that|By then|With this|With that|After that|After this|Since then|In that|In this case|In this context|In this regard|In this respect|In this sense|In that sense|In these cases|For this,|For that,|To this end|To that end|At this point|At that point|On the other hand|That's|It's|He's|She's|They're|Not so|No wonder|Because of this|Despite this|Despite that|In contrast|By contrast|Indeed|Plus|Too|Perhaps|Of course|Again|Afterwards|Afterward|Later|Elsewhere|On top of that|Among them|Maybe|In fact|In other words|After all|As such|All of them|None of them|Some of them|Most of them|Many of them|The former|The latter|The same|The pair|The duo|The trio|The couple|While most of them|While some of them|While many of them|One of them|Two of them|Three of them|Each of them|Not all of them|Only one of them|Reports at the time|Only in this way|In this way|Only then|In the process|On that day|Of these|Of those|Of them|The others"),
		links:         split("But|And|However|Meanwhile|Also|Moreover|Furthermore|Yet|Still|So|Nevertheless|Nonetheless|Besides|Additionally|In addition|Instead|Then|Indeed|Plus|Elsewhere"),
		pronouns:      set("he she him her his hers himself herself"),
		later:         split("The move|The incident|The decision|The announcement|The development|The step|The remark|The remarks|The statement|The comments|The comment|The ruling|The order|The attack|The accident|The crash|The blast|The event|The verdict|The news|The case|The suspect|The suspects|The victim|The victims|The accused|The deceased|The duo|The man|The woman|The boy|The girl|The same"),
		many:          set("Police Officials Authorities Prosecutors Investigators Detectives Officers Doctors Friends Relatives Lawyers Witnesses Critics Experts Some Many Most Others Reports"),
		personal:      set("i i'm i've i'd i'll we we're we've we'd we'll my our me us ours myself ourselves"),
		abbreviations: set("mr mrs ms dr drs prof sen sens rep reps gov gen col lt sgt capt cmdr maj adm rev hon messrs vs v bros dept est mt ft e.g i.e fig approx ave blvd rd tp ths ts pgs gs op cit art spc pvt cpl supt insp det sr pres hr esq ph viz cf pp vol " + months),
		either:        set("u.s u.k u.n d.c u.a.e e.u inc ltd co corp jr st no nos a.m p.m etc ph.d m.d b.c a.d l.a u.s.a"),
		starters:      set("The He She It They In On At But And A An This That We You I His Her For If When While After Before As There Their These Those Its My Our So Yet Still However Meanwhile According With Since Once To From By Some Many Most One Two All Both Not No What Who Why How Where Other Another Under During Earlier Last Police Officials"),
	},
	"es": {known: true,
		back:     split("Él|Ella|Ellos|Ellas|Esto|Eso|Esta|Este|Estos|Estas|Ese|Esa|Pero|Y|Sin embargo|Además|Por eso|Por ello|Por otra parte|Asimismo|También|Entonces|No obstante|Mientras tanto|Así|Aquel|Aquella|Su|Sus|En tanto|Tampoco|Por su parte|Dicho|Dicha|Dichos|Dichas|Añadió que|Agregó que|Explicó que|Dijo que|Señaló que|Afirmó que|Indicó que|Aseguró que|Según él|Según ella"),
		links:    split("Pero|Y|Sin embargo|Además|Asimismo|También|No obstante|Mientras tanto|En tanto"),
		pronouns: set("él ella"),
		personal: set("yo nosotros mi nuestro nuestra me nos"), abbreviations: set("sr sra srta dr dra d dña prof ing lic gral cnel st sta sto núm núms pág págs av avda c ud uds vd vds ee uu ej aprox p.ej art arts mons tel"), either: set("ee.uu etc a.m p.m s.a n.º"), starters: set("El La Los Las Un Una En Por Para Pero Y De Del Con Según No Se Su Sus Este Esta Al A Tras Desde")},
	"pt": {known: true,
		back:     split("Ele|Ela|Eles|Elas|Isso|Isto|Esta|Este|Esse|Essa|Mas|E|No entanto|Além disso|Por isso|Também|Então|Porém|Contudo|Assim|Seu|Sua|Acrescentou que|Disse que|Afirmou que|Explicou que|Segundo ele|Segundo ela"),
		links:    split("Mas|E|No entanto|Além disso|Também|Porém|Contudo"),
		pronouns: set("ele ela"), abbreviations: set("sr sra dr dra prof profa eng gen cel av núm pág ex art d"), either: set("etc a.m p.m s.a"), starters: set("O A Os As Um Uma Em No Na Por Para Mas E De Do Da Com Segundo Não Se Seu Sua")},
	"it": {known: true,
		back:     split("Lui|Lei|Loro|Questo|Questa|Quello|Quella|Ma|E|Tuttavia|Inoltre|Per questo|Anche|Poi|Però|Così|Questi|Queste|Quelli|Quelle|Ha detto che|Ha aggiunto che|Ha spiegato che|Secondo lui|Secondo lei"),
		links:    split("Ma|E|Tuttavia|Inoltre|Però"),
		pronouns: set("lui lei"), abbreviations: set("sig sigg dott dr prof ing avv on sen gen col pag art ecc n"), either: set("ecc s.p.a"), starters: set("Il La Lo I Gli Le Un Una In Per Ma E Di Del Con Secondo Non Si")},
	"fr": {known: true,
		back:     split("Il|Elle|Ils|Elles|Ce|Cela|Ça|C|Cette|Cet|Ces|Mais|Et|Cependant|Toutefois|Pourtant|Aussi|Ainsi|De plus|En outre|Par ailleurs|Or|Donc|Puis|Son|Sa|Ses|Leur|Leurs|Celui|Celle|Ceux|Celles|Néanmoins|En revanche|Selon lui|Selon elle|D'après lui|D’après lui|D'après elle|D’après elle"),
		links:    split("Mais|Et|Cependant|Toutefois|Pourtant|De plus|En outre|Par ailleurs|Or|Néanmoins|En revanche"),
		pronouns: set("elle t-il t-elle"),
		personal: set("je nous mon notre nos me"), abbreviations: set("m mm mme mmes mlle me mgr dr pr st ste gén col av j.-c p pp art vol env tél fig cf"), either: set("etc s.a"), starters: set("Le La Les L Un Une En Dans Pour Mais Et De Du Des Avec Selon Il Elle Ils Ce Cette Au À Après")},
	"de": {known: true,
		back:     split("Er|Sie|Es|Dies|Diese|Dieser|Dieses|Diesen|Aber|Und|Doch|Jedoch|Außerdem|Zudem|Auch|Dann|Damit|Dabei|Dazu|Darüber|Deshalb|Daher|Dadurch|Sein|Seine|Ihr|Ihre|Denn|Dennoch|Trotzdem|Allerdings|Hingegen|So|Solche|Danach|Daraufhin|Ebenso|Das sei|Das ist|Das war|Das hat|Ihm|Ihnen|Dafür|Dagegen|Davon|Daran|Daraus|Dort|Deren|Dessen|Hierfür|Hierzu"),
		links:    split("Aber|Und|Doch"),
		pronouns: set("er"),
		personal: set("ich wir mein meine unser unsere mir uns"), ordinals: true, abbreviations: set("dr prof hr fr st str nr ca bzw vgl z z.b u u.a d d.h bzgl inkl evtl ggf geb gest mio mrd tsd sog abs art abt bd ev jh jr rd s.o u.s i.d.r dipl ing hl v chr jan feb mär apr jun jul aug sept okt nov dez"), either: set("usw etc u.s.w"), starters: set("Der Die Das Ein Eine Er Sie Es Wir In Im Am Bei Nach Mit Und Aber Auch Doch Für Auf Dies Diese Den Dem")},
	"ru": {known: true,
		back:     split("Он|Она|Они|Оно|Это|Этот|Эта|Эти|Этого|Но|А|И|Однако|Также|При этом|Кроме того|Его|Её|Ее|Их|Затем|Тогда|Поэтому|Так|Такой|Такая|Такие|Тем не менее|Между тем|Впрочем|Тот|Та|Те|Там|После этого|До этого|Из-за этого|Вместо этого|В свою очередь|Ему|Ей|Им|Об этом|По его словам|По её словам|По ее словам|По их словам"),
		links:    split("Но|А|И|Однако|Также|При этом|Кроме того|Тем не менее|Между тем|Впрочем"),
		pronouns: set("он она ему ей"),
		personal: set("я мы мой наш наша наши мне нам нас"), abbreviations: set("г гг ул им д стр кв пл пр просп т т.е т.к т.н т.ч см ср св проф акад ген полк гос оз р о-в ок долл обл р-н"), either: set("т.д т.п др пр гг г н.э"), starters: set("В На По И Но А Он Она Они Это Как При Для С Из К О Об От До Все Также Однако После")},
	"uk": {known: true,
		back:     split("Він|Вона|Вони|Це|Цей|Ця|Ці|Але|А|І|Однак|Також|При цьому|Крім того|Його|Її|Їх|Потім|Тому|Так|Тим часом|Про це|Водночас|Проте|Втім|За його словами|За її словами|За їхніми словами"),
		links:    split("Але|А|І|Однак|Також|При цьому|Крім того|Тим часом"),
		pronouns: set("він вона"), abbreviations: set("р рр вул ім м тис млн млрд грн т т.е ст проф ген обл"), either: set("т.д ін"), starters: set("У В На За І Але А Він Вона Вони Це Як При Для З")},
	"vi": {known: true,
		back:     split("Trong khi đó|Tuy nhiên|Ngoài ra|Đồng thời|Sau đó|Nhưng|Và|Điều này|Điều đó|Việc này|Việc đó|Anh ta|Cô ta|Anh này|Cô này|Ông này|Bà này|Người này|Họ|Nó|Đây|Đó|Theo đó|Như vậy|Trong đó|Vậy là|Bởi|Do đó|Vì vậy|Vì thế|Bên cạnh đó|Cụ thể|Mặt khác|Lúc này|Lúc đó|Khi đó|Khi ấy|Tại đây|Từ đó|Cũng|Còn|Thế nhưng|Song|Hơn nữa|Thậm chí|Bởi vậy|Nhờ đó|Qua đó|Trước đó|Chị này|Nhóm này|Vụ việc này|Ông cũng|Bà cũng|Anh cũng|Ông cho|Bà cho|Anh cho|Ông nói|Bà nói|Anh nói|Chưa dừng lại|Không dừng lại|Chưa hết|Không chỉ vậy"),
		links:    split("Tuy nhiên|Ngoài ra|Đồng thời|Nhưng|Bên cạnh đó|Trong khi đó|Thế nhưng"),
		pronouns: set(""),
		personal: set("tôi"), abbreviations: set("tp ts ths pgs gs bs q p th tt kts ks lm mr mrs ms dr st nxb ubnd đ.v t"), either: set("v.v"), starters: set("Theo Tuy Trong Trước Sau Ngày Tại Ông Bà Anh Chị Các Những Một Đây Khi Nếu Với Từ")},
	"ar": {known: true,
		back:     split("لكن|ولكن|لكنه|لكنها|لكنهم|ولكنه|ولكنها|ولكنهم|فيما|بينما|إنه|إنها|إلا أن|كما|هو|هي|هم|هذا|هذه|ذلك|تلك|وهو|وهي|وهذا|وهذه|وذلك|وأضاف|وأضافت|وتابع|وتابعت|ثم|لذلك|ومع ذلك|غير أن|بيد أن|أيضا|كذلك|وكذلك|ولذلك|ولهذا|وقال إن|وقالت إن|وأكد أن|وأكدت أن|وأوضح أن|وأوضحت أن|وذكر أن|وذكرت أن|وأشار إلى|وأشارت إلى|ولفت إلى|ولفتت إلى|من جهته|ومن جهته|من جهتها|ومن جهتها|من جانبه|ومن جانبه|من جانبها|ومن جانبها"),
		pronouns: set(""), abbreviations: set("د أ م ا ص ب ت")},
	"ur": {known: true,
		back:     split("وہ|یہ|انہوں|انھوں|ان|اس|اُن|اُس|لیکن|تاہم|جبکہ|مگر|اور|پھر|چنانچہ|اسی|انہی|علاوہ ازیں|اسے|اُسے|انہیں|انھیں|اُنہوں|اُنھوں|اِس|اِن|البتہ|لہٰذا|لہذا|نیز|بعد ازاں|دوسری جانب|جب کہ"),
		pronouns: set(""), personal: set("ہم ہمارے ہماری ہمارا ہمیں مجھے میرے میری میرا"), abbreviations: set("ڈاکٹر")},
	"fa": {known: true,
		back: split("او|وی|آنها|این|آن|اما|ولی|همچنین|و|سپس|با این حال|بنابراین|آنان|ایشان|به گفته او|به گفته وی|به همین دلیل|در عین حال|از سوی دیگر"), abbreviations: set("")},
	"zh": {known: true,
		back: split("他|她|它|这|這|那|但|然而|不过|不過|此外|同时|同時|而|因此|所以|其|该|該|对此|對此|另外|于是|於是|随后|隨後")}, "ja": {known: true,
		back: split("彼|彼女|これ|それ|この|その|しかし|だが|また|さらに|そして|一方|同")}, "ko": {known: true,
		back: split("그는|그녀는|이는|그러나|하지만|또한|그리고|이에|이")}, "hi": {known: true,
		back: split("वह|यह|वे|ये|उन्होंने|इस|उस|लेकिन|हालांकि|और|इसके|उनके|उनका|मगर|फिर|उसने|उसे|उसका|उसकी|उसके|उन्हें|उनकी|इन|उन|इससे|इसका|इसकी|इसे|हालाँकि|वहीं|जबकि|साथ ही|इसलिए|ऐसे में"), abbreviations: set("डॉ रु प्रो पं सं मो कि.मी मि.मी से.मी वि.वि उ.प्र म.प्र")},
	"tr": {known: true,
		back:     split("O|Onun|Ona|Onu|Onlar|Onların|Bu|Bunu|Buna|Bunun|Bunda|Bundan|Bununla|Bunlar|Bunların|Böyle|Böylece|Böylelikle|Ancak|Ama|Fakat|Oysa|Ayrıca|Üstelik|Hatta|Çünkü|Zira|Dolayısıyla|Yine de|Öte yandan|Öte taraftan|Ardından|Daha sonra|Aynı zamanda|Söz konusu|Kendisi|Ve"),
		links:    split("Ancak|Ama|Fakat|Ayrıca|Öte yandan|Üstelik"),
		ordinals: false, abbreviations: set("dr prof doç av sn st vb vs no cad sok mah alb gen yrd öğr")},
	"pl": {known: true,
		back:          split("On|Ona|Oni|One|Ono|Jego|Jej|Ich|Im|Jemu|To|Ten|Ta|Te|Ci|Tego|Tej|Temu|Tym|Tych|Taki|Taka|Takie|Tak|Ale|Lecz|I|A|Jednak|Jednakże|Natomiast|Ponadto|Poza tym|Również|Także|Też|Dlatego|Wtedy|Potem|Następnie|Tymczasem|Mimo to|Jednocześnie|Z kolei|Dzięki temu|W związku z tym|Dodał|Dodała|Dodali|Dodano"),
		links:         split("Ale|Lecz|Jednak|Jednakże|Natomiast|Ponadto|Poza tym|Tymczasem|Mimo to|Z kolei"),
		pronouns:      set("on ona"),
		abbreviations: set("dr prof mgr inż ul al nr im św gen płk tys mln mld r w np tzw tj ok godz m.in"), starters: set("")},
	"nl": {known: true,
		back:          split("Hij|Zij|Ze|Dit|Dat|Die|Deze|Zijn|Haar|Hun|Hen|Het gaat om|Het betreft|Maar|En|Want|Dus|Ook|Zo|Toch|Echter|Bovendien|Daarnaast|Daarom|Daarbij|Daarvoor|Daarmee|Daarop|Daardoor|Daarna|Daarover|Vervolgens|Toen|Intussen|Ondertussen|Verder|Volgens hem|Volgens haar|Volgens hen"),
		links:         split("Maar|En|Echter|Bovendien|Toch|Intussen|Ondertussen"),
		pronouns:      set("hij zij"),
		abbreviations: set("dr prof mr mevr dhr st nr ca bijv d.w.z o.a m.b.t jl"), starters: set("")},
	"id": {known: true,
		back:          split("Ia|Dia|Beliau|Mereka|Ini|Itu|Hal ini|Hal itu|Hal tersebut|Namun|Tetapi|Tapi|Dan|Selain itu|Oleh karena itu|Karena itu|Sementara itu|Kemudian|Lalu|Bahkan|Meski demikian|Meskipun demikian|Di sisi lain|Akibatnya|Dengan demikian|Setelah itu|Untuk itu|Menurutnya|Menurut dia|Katanya"),
		links:         split("Namun|Tetapi|Tapi|Selain itu|Sementara itu|Meski demikian|Meskipun demikian|Di sisi lain"),
		pronouns:      set("ia dia"),
		abbreviations: set("dr prof drs ir h hj jl no st tgl rp dkk dll")},
})

// withPersons puts the words for persons together.
func withPersons(all map[string]*language) map[string]*language {
	for _, l := range all {
		l.persons = map[string]person{}
		for w := range l.pronouns {
			l.persons[w] = thirdPerson
			l.longest = max(l.longest, len(w)+len("’ll"))
		}
		for w := range l.personal {
			l.persons[w] = firstPerson
			l.longest = max(l.longest, len(w)+len("’")-len("'"))
		}
	}
	return all
}
