package summary

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// charges is what one language says of accusations and their denial. A
// pattern is one or more words in lower case; "accus*" matches any ending.
type charges struct {
	accuse phrases // an accusation
	deny   phrases // a denial by itself
	rebuff phrases // a denial where the sentence also speaks of claims
	claims phrases
	not    phrases // looks like a denial and is none
	plain  bool    // no spaces between words: look for the bare characters
}

// phrases are patterns by the first letter of their first word.
type phrases map[rune][][]string

func phraseList(patterns string) phrases {
	p := phrases{}
	for s := range strings.SplitSeq(patterns, "|") {
		words := strings.Fields(s)
		r, _ := utf8.DecodeRuneInString(words[0])
		p[r] = append(p[r], words)
	}
	return p
}

var fairness = map[string]*charges{
	"en": {
		accuse: phraseList("accus*|alleg*|charged|charges against|charges of|criminal charges|felony charges|faces charges|facing charges|face charges|murder charges|fraud charges|corruption charges|indict*|suspect|suspects|suspected|suspicion|sued|sues|suing|lawsuit|lawsuits|blamed|blames|blaming|claims that|complaint|arraigned|prosecutors said|prosecutors say|prosecuted|implicated|wrongdoing|misconduct|embezzl*|abuse claims|impeach*|defraud*"),
		deny:   phraseList("denied|denies|deny|denying|denial|denials|refute*|refuting|rebut*|not guilty|no wrongdoing|any wrongdoing|nothing wrong|nothing illegal|nothing improper|baseless|unfounded|groundless|meritless|without merit|no merit|untrue|fabricated|trumped*|is innocent|was innocent|are innocent|were innocent|i'm innocent|i am innocent|he's innocent|she's innocent|his innocence|her innocence|their innocence|my innocence|its innocence|protest* innocence|maintain* innocence|never happened|politically motivated|witch hunt|categorically|not involved|no involvement|no role|no part|no knowledge|did not do it|didn't do it|did not commit|didn't commit|false accusation*|false allegation*|false claim*|falsely accused|wrongly accused|wrongfully accused|disput* the|denounc* the allegation*|denounc* the accusation*|clear his name|clear her name|clear their name|clear our name|clear my name|fight the charges|fight the case|fight the allegations|contest the charges|contests the charges|contesting the charges|contested the charges|pack of lies|smear*"),
		rebuff: phraseList("reject*|dismiss|dismisses|dismissed|dismissing|false|lie|lies|repudiat*|disputes|disputed|disputing|contest|contests|contested|contesting|unsubstantiated|not true|no truth|no evidence|no basis|absurd|ridiculous|nonsense|outrageous|ludicrous|fiction|deni*|rubbish*|disavow*|brushed aside|hit back|slander*|defam*|innocent|lawful|lawfully|acted properly|acted legally|acted within the law"),
		claims: phraseList("accus*|alleg*|claim|claims|charge|charges|suggestion*|lawsuit*|complaint*|report|reports|indictment|blame|wrongdoing|suspicion*|innocen*"),
		not:    phraseList("denial of|innocent people|innocent civilians|innocent victim*|innocent lives|innocent bystander*|innocent children|nothing wrong with|denied bail|denied access|denied entry|denied parole|denied a visa|denied visa|denied permission|denied asylum|denied boarding|denied the request|denied the motion|denied the appeal|denied his request|denied her request|denied their request|denied his appeal|denied her appeal|denied his bail|denied a request|denied a motion|denied an appeal|denied requests|denied medical|denied care|denied treatment|denied service|denied justice|denied him|denied her|denied them|denied us|was denied|were denied|been denied|being denied|be denied|is denied|are denied|cannot be denied|can't deny|cannot deny|no denying|there's no denying|neither confirm* nor den*|neither confirm* or den*|not confirm* or den*|not confirm* nor den*|confirm or deny|confirmed nor denied|confirmed or denied|denied a penalty|denied a goal|denied an equali*|denied victory|deny access|denies access|denying access|deny entry|denying entry|in denial|not denied|not deny|did not dispute|does not dispute|didn't dispute"),
	},
	"es": {
		accuse: phraseList("acus*|presunt*|supuest*|imputa*|imputó|denunci*|sospech*|procesad*|procesamiento|señalad* de|inculpa*|querella*|demandad*|demandó|cargos|delito*|culpa|culpó|investigad* por|detenid* por"),
		deny:   phraseList("niega|niegan|negó|negaron|negar|negado|negando|negaba|desmiente|desmienten|desmintió|desmintieron|desmentido|desmentir|inocen*|no culpable|infundad*|rechazó tajantemente|refut*|calumni*|sin fundamento|es mentira|son mentira|falso|falsas|falsos|falsa|falsedad*|persecución política|no tener nada que ver|nada que ver"),
		rebuff: phraseList("rechaz*|descart*|desestim*|repudi*|tachó|tildó|calificó"),
		claims: phraseList("acus*|cargos|denuncia*|alegaciones|imputacion*|señalamientos|sospecha*|demanda"),
		not:    phraseList("negó la libertad|negó el permiso|negó la entrada|negó la fianza|se negó a|se niega a|se negaron a|se niegan a|negarse a|no negó|no niega"),
	},
	"fr": {
		accuse: phraseList("accus*|soupçon*|mis* en examen|inculp*|présumé*|prévenu*|poursuivi*|plainte*|prétendu*|allégu*|allégation*|mis* en cause|reproch*|suspect*|visé par|visée par|visés par"),
		deny:   phraseList("nie|nient|nié|niait|niant|nier|dément|démentent|démenti|démentis|démentir|démentant|innocen*|non coupable|plaid* non|infondé*|sans fondement|réfut*|mensong*|calomni*|conteste|contestent|contesté|contestait|contestant|clame son|clame leur|dénu* de fondement|aucun fait répréhensible|chasse aux sorcières"),
		rebuff: phraseList("rejet*|récus*|balay*|faux|fausse*|dénonc*|repouss*|écart*"),
		claims: phraseList("accus*|allégation*|soupçon*|reproch*|charges|griefs|plainte*"),
		not:    phraseList("ne nie pas|n'a pas nié|n'a pas démenti|incontest*|ne conteste pas|innocentes victimes|victimes innocentes"),
	},
	"de": {
		accuse: phraseList("beschuldig*|angeklag*|anklage*|verdächtig*|verdacht*|tatverdächt*|mutmaßlich*|vorwurf|vorwürfe*|vorgeworfen|wirft|werfen|warf|beklagt*|klage|verklag*|bezichtig*|angeblich*|ermittl*|ermittelt|unterstell*"),
		deny:   phraseList("bestreit*|bestritt*|bestritten|dementier*|dementi|unschuld*|nicht schuldig|leugn*|geleugnet|haltlos*|unbegründet*|aus der luft gegriffen|frei erfunden|erfunden*|unwahr*|weist zurück|wies zurück|wiesen zurück|weisen zurück|zurückgewiesen|zurückweis*|verneint*|widersprach|widerspricht|widersprochen|falschaussage*|verleumd*|hexenjagd"),
		rebuff: phraseList("zurück|falsch*|lüge*|absurd*|abgestritten|streitet|stritt|unsinn"),
		claims: phraseList("vorwurf|vorwürfe*|anschuldig*|beschuldig*|anklage*|verdacht*|behauptung*|schuld"),
		not:    phraseList("unbestritten*|bestreitet nicht|bestritt nicht|wird bestritten"),
	},
	"ru": {
		accuse: phraseList("обвин*|подозрева*|подозрени*|подозреваем*|якобы|вменя*|предъяв*|арестова*|задержа*|уголовн*|иск|иске|иска|иску|предполагаем*|уличи*|заподозр*|жалоб*"),
		deny:   phraseList("отрица*|отвер*|опроверг*|опроверж*|невинов*|не винов*|невиновн*|не признал*|не признаёт*|не признает*|не призна*|вину не|беспочвенн*|безоснователн*|безоснова*|ложь|ложью|ложны*|ложно*|клевет*|не соответству*|непричаст*|не причаст*|голословн*|вымы*|выдумк*|сфабрикован*|политически мотивир*|не совершал*|оклевета*"),
		rebuff: phraseList("отклон*|отмет*|отмел*|несогла*|не согла*|оспар*|оспор*|абсурд*|бред*"),
		claims: phraseList("обвин*|подозрени*|претензи*|утвержден*|иск*|вин*"),
		not:    phraseList("не отрица*|не опроверг*|отвергл* ходатайств*|отрицательн*"),
	},
	"ar": {
		accuse: phraseList("اتهم*|يتهم*|تتهم*|متهم*|المتهم*|اتهام*|الاتهام*|تهمة|تهم|التهم*|بتهمة|بتهم|مزاعم|المزاعم|يزعم|تزعم|زعم*|المشتبه*|مشتبه*|يشتبه|للاشتباه|ادعاء*|الادعاء*|دعوى|شكوى"),
		deny:   phraseList("نفى|نفت|نفوا|ينفي|تنفي|ينفون|نفيه|نفيها|نفيا|نافيا|نافية|نافين|النفي|انكر*|ينكر*|تنكر*|انكار*|منكرا|براءته|براءتها|براءتهم|ببراءته|ببراءتها|بريء|بريئة|بريئون|ابرياء|غير مذنب|غير مذنبة|لا اساس|عارية عن|عارية من|كاذبة|الكاذبة|كذب|ملفقة|مفبركة|كيدية|باطلة|افتراء*|كذبت|يكذب"),
		rebuff: phraseList("رفض*|يرفض|ترفض|دحض*|فند*|استنكر*|رد|ردت"),
		claims: phraseList("اتهام*|الاتهام*|تهم*|التهم*|مزاعم|المزاعم|ادعاء*|الادعاء*"),
		not:    phraseList("لم ينف|لم تنف|لا ينفي|لا ينكر|لم ينكر"),
	},
	"ur": {
		accuse: phraseList("الزام*|ملزم*|مبینہ*|مقدمہ*|مقدمے|فرد جرم|مشتبہ*|شبہ|شبہے|ملوث|نامزد|گرفتار"),
		deny:   phraseList("تردید*|انکار*|بے قصور*|بےقصور*|بے گناہ*|بےگناہ*|بیگناہ*|بے بنیاد*|بےبنیاد*|جھوٹ*|من گھڑت|مسترد|رد کر*|صحت جرم*|غلط قرار|سیاسی انتقام*"),
		rebuff: phraseList("غلط|رد"),
		claims: phraseList("الزام*|دعو*|مقدم*"),
		not:    phraseList("درخواست مسترد|ضمانت مسترد|انکار نہیں|تردید نہیں"),
	},
	"zh": {plain: true,
		accuse: phraseList("指控|控告|起诉|起訴|涉嫌|被控|指责|指責|嫌疑|嫌犯|疑犯|被捕|告发|檢控|检控|提告|诉讼|訴訟|举报|舉報|指称|指稱"),
		deny:   phraseList("否认|否認|不认罪|不認罪|拒不认罪|无罪|無罪|清白|冤枉|辟谣|闢謠|毫无根据|毫無根據|毫无依据|不实|不實|捏造|子虚乌有|子虛烏有|莫须有|澄清|诬陷|誣陷|诽谤|誹謗|无稽之谈|無稽之談|没有参与|沒有參與|没有做"),
		rebuff: phraseList("驳斥|駁斥|反驳|反駁|拒绝接受|驳回"),
		claims: phraseList("指控|指责|指責|控告|说法|說法"),
		not:    phraseList("不否认|不否認|未否认|未否認|没有否认|沒有否認|既不承认也不否认"),
	},
	"vi": {
		accuse: phraseList("cáo buộc|bị cáo|buộc tội|nghi can|nghi phạm|tình nghi|khởi tố|tố cáo|bị tố|truy tố|nghi ngờ|nghi vấn|kiện"),
		deny:   phraseList("phủ nhận|bác bỏ|chối tội|vô tội|kêu oan|bịa đặt|vu khống|không nhận tội|không thừa nhận|chối bỏ|sai sự thật|phủ định"),
		rebuff: phraseList("bác|phản đối"),
		claims: phraseList("cáo buộc|tố cáo|thông tin"),
		not:    phraseList("không phủ nhận|không bác bỏ"),
	},
	"pt": {
		accuse: phraseList("acus*|suspeit*|supost*|alegad*|denunci*|indiciad*|investigad* por|processad*|réu|réus"),
		deny:   phraseList("nega|negam|negou|negaram|negar|negando|desment*|inocen*|infundad*|sem fundamento|mentira|falsas|falsos|refut*"),
		rebuff: phraseList("rejeit*|repudi*"),
		claims: phraseList("acus*|denúncia*|alegaç*"),
		not:    phraseList("se negou a|negou o pedido|não nega|não negou"),
	},
}

// chargesFor returns the lists for a language tag; for an unknown language
// those of English.
func chargesFor(tag string) *charges {
	if c, ok := fairness[primary(tag)]; ok {
		return c
	}
	return fairness["en"]
}

// judge says whether a sentence accuses and whether it denies.
func (c *charges) judge(s string) (accuses, denies bool) {
	if c.plain {
		return c.accuse.in(s), c.not.without(s, func(s string) bool { return c.deny.in(s) || c.rebuff.in(s) && c.claims.in(s) })
	}
	words := lowerWords(s)
	accuses = c.accuse.find(words) >= 0
	for i := c.not.find(words); i >= 0; i = c.not.find(words) {
		words = append(words[:i:i], words[i+2:]...) // every such phrase has two words or more
	}
	denies = c.deny.find(words) >= 0 || c.rebuff.find(words) >= 0 && c.claims.find(words) >= 0
	return accuses, denies
}

// find returns where the first pattern begins, or -1.
func (p phrases) find(words []string) int {
	for i, w := range words {
		if p.at(words, i, w) || p.at(words, i, bare(w)) {
			return i
		}
	}
	return -1
}

// at says whether a pattern begins at words[i], read as w.
func (p phrases) at(words []string, i int, w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
next:
	for _, pattern := range p[r] {
		if i+len(pattern) > len(words) {
			continue
		}
		for k, want := range pattern {
			have := words[i+k]
			if k == 0 {
				have = w
			}
			if prefix, open := strings.CutSuffix(want, "*"); open && !strings.HasPrefix(have, prefix) || !open && have != want {
				continue next
			}
		}
		return true
	}
	return false
}

// in says whether any pattern stands anywhere in s.
func (p phrases) in(s string) bool {
	for _, patterns := range p {
		for _, pattern := range patterns {
			if strings.Contains(s, pattern[0]) {
				return true
			}
		}
	}
	return false
}

// without asks about s after the patterns are taken out of it.
func (p phrases) without(s string, ask func(string) bool) bool {
	for _, patterns := range p {
		for _, pattern := range patterns {
			s = strings.ReplaceAll(s, pattern[0], "")
		}
	}
	return ask(s)
}

// bare takes a French article or pronoun, or the Arabic "and", "so" and
// prepositions, off a word.
func bare(w string) string {
	if i := strings.IndexByte(w, '\''); i > 0 && i < 3 {
		return w[i+1:]
	}
	for _, prefix := range []string{"وال", "بال", "فال", "و", "ف", "ب", "ل"} {
		if rest, ok := strings.CutPrefix(w, prefix); ok && utf8.RuneCountInString(rest) > 2 {
			return rest
		}
	}
	return w
}

// lowerWords cuts s into lower-case words; an apostrophe belongs to its word,
// Arabic vowel signs and forms of alef do not count.
func lowerWords(s string) []string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '’':
			return '\''
		case isSilent(r):
			return -1
		case r < utf8.RuneSelf:
			if r >= 'A' && r <= 'Z' {
				return r | 0x20
			}
			return r
		}
		return unalef(unicode.ToLower(r))
	}, s)
	words := strings.FieldsFunc(s, func(r rune) bool {
		return r != '\'' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
	for i, w := range words {
		words[i] = strings.Trim(w, "'")
	}
	return words
}

// weighFairness finds the denials of the article and, if there are any, which
// sentences accuse and which denials would answer them: those that share a
// name with the accusation or, if none does, all of them.
func (s *Study) weighFairness() {
	rules := chargesFor(s.Doc.Language)
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if c.accuses, c.denies = rules.judge(c.Text); c.denies {
			s.denials = append(s.denials, i)
		}
	}
	if len(s.denials) == 0 {
		return
	}
	denier := make([]map[int32]bool, len(s.denials))
	for k, d := range s.denials {
		denier[k] = s.names(d)
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if !c.accuses {
			continue
		}
		names := s.names(i)
		for k, d := range s.denials {
			for id := range denier[k] {
				if names[id] {
					c.answers = append(c.answers, d)
					break
				}
			}
		}
		if c.answers == nil {
			c.answers = s.denials
		}
	}
}

// names returns the stems that candidate i writes as names and, if it speaks
// of someone without a name, those of the sentence before it.
func (s *Study) names(i int) map[int32]bool {
	names := map[int32]bool{}
	c := &s.Candidates[i]
	for _, t := range c.tokens {
		w := &s.words[t.id]
		if t.upper && !t.digit && w.length > 2 && w.inner > 0 && 2*w.upper > w.inner {
			names[t.id] = true
		}
	}
	if c.Flaws&(Dangles|Loose) != 0 {
		for j := i - 1; j >= 0; j-- {
			if s.Candidates[j].order == c.order-1 {
				for id := range s.names(j) {
					names[id] = true
				}
				break
			}
		}
	}
	return names
}

// fair says whether every accusation of the set is answered in it, if the
// article answers it.
func (s *Study) fair(set []int) bool {
	for _, i := range set {
		c := &s.Candidates[i]
		if len(c.answers) > 0 && !slices.ContainsFunc(set, func(m int) bool { return slices.Contains(c.answers, m) }) {
			return false
		}
	}
	return true
}
