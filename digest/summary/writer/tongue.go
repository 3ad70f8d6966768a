package writer

import (
	"slices"
	"strings"
)

// tongue is what the guards know of a language, all in lower case. A language
// without one is never sent.
type tongue struct {
	cased    bool // has capital letters that mark names
	inflects bool // gives names endings
	plain    bool // puts no spaces between words
	short    int  // letters of the shortest stem that carries content

	not       []string // words and phrases that deny
	turns     []string // verbs that deny; beside one of the others they deny nothing: "did not deny"
	notParts  []string // endings that deny: "n't"
	says      []string // words that say whose word it is, or that it is not sure
	numbers   map[string]float64
	counts    map[string]bool // words for numbers that are not read as one: "third", "dozens"
	scales    map[string]float64
	months    map[string]int
	ambiguous map[string]bool // months that are words of another meaning, too
	days      map[string]bool // weekdays, yesterday, tomorrow
}

func phrases(s string) []string { return strings.Split(s, "|") }

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// counting gives the words of a list the numbers from first upwards; words
// beside one another with a slash have the same number.
func counting(first float64, list string, more map[string]float64) map[string]float64 {
	m := map[string]float64{}
	for i, group := range strings.Fields(list) {
		for _, w := range strings.Split(group, "/") {
			m[w] = first + float64(i)
		}
	}
	for w, v := range more {
		m[w] = v
	}
	return m
}

func monthList(list string) map[string]int {
	m := map[string]int{}
	for i, group := range strings.Fields(list) {
		for _, w := range strings.Split(group, "/") {
			m[w] = i + 1
		}
	}
	return m
}

var tongues = map[string]*tongue{
	"en": {cased: true, short: 4,
		not: phrases("not|no|never|cannot|nor|neither|nobody|none|nothing|without|nowhere"), turns: phrases("deny|denies|denied|denying|denial|refuse|refuses|refused|reject|rejects|rejected|refute|refutes|refuted|fail|fails|failed|declined|declines|unable|lack|lacks|lacked"), counts: wordSet("first second third fourth fifth sixth seventh eighth ninth tenth thirds quarter quarters fifths hundreds thousands millions billions dozens once thrice"), notParts: []string{"n't"},
		says:    phrases("said|says|say|saying|told|tells|according to|claim|claims|claimed|alleged|allegedly|alleges|allege|allegation|allegations|accused|accuses|accusing|suspected|suspect|suspects|reportedly|report|reports|reported|warned|warns|announced|announces|argued|argues|believe|believes|believed|charged|added|adds|may have|might|could|would|apparently|stated|insisted|insists|estimate|estimates|estimated|expects|expected|predicted|predicts|confirmed|confirms|denied|denies|rejected|rejects|asked|wrote|writes|think|thinks|thought|described|called|calls"),
		numbers: counting(0, "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty", map[string]float64{"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "dozen": 12, "twice": 2, "double": 2, "triple": 3, "half": .5}),
		months:  monthList("january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct november/nov december/dec"), ambiguous: wordSet("may march august mar jan"),
		days: wordSet("monday tuesday wednesday thursday friday saturday sunday yesterday today tomorrow tonight overnight weekend")},
	"es": {cased: true, short: 5, inflects: true,
		not: phrases("no|nunca|jamás|nadie|nada|ningún|ninguna|ninguno|sin|tampoco"), turns: phrases("niega|negó|niegan|negaron|rechaza|rechazó|rechazan|desmiente|desmintió|negado"), counts: wordSet("primer primero primera segunda tercer tercero tercera cuarto cuarta quinto quinta mitad tercio tercios decenas docena docenas centenar centenares cientos miles"),
		says:    phrases("dijo|dice|dijeron|dicen|según|afirmó|afirma|aseguró|asegura|presunto|presunta|presuntos|presuntamente|supuesto|supuesta|supuestamente|acusa|acusó|acusado|acusada|denunció|denuncia|denunciado|denunciada|informó|informaron|anunció|señaló|explicó|declaró|habría|habrían|podría|podrían|sospecha|sospechoso|negó|niega|rechazó|cree|considera"),
		numbers: counting(2, "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte", map[string]float64{"treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90, "cien": 100, "ciento": 100}),
		scales:  map[string]float64{"mil": 1e3, "billón": 1e12, "billones": 1e12},
		months:  monthList("enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre diciembre"), days: wordSet("lunes martes miércoles jueves viernes sábado domingo ayer hoy anoche")},
	"pt": {cased: true, short: 5, inflects: true,
		not: phrases("não|nunca|jamais|ninguém|nada|nenhum|nenhuma|sem|tampouco"), turns: phrases("nega|negou|negam|negaram|rejeita|rejeitou|desmente|desmentiu|negado"), counts: wordSet("primeiro primeira terceiro terceira quarto quarta quinto quinta metade terço dezenas dúzia centenas milhares"),
		says:    phrases("disse|diz|disseram|segundo|afirmou|afirma|suposto|suposta|supostamente|acusa|acusou|acusado|acusada|denunciou|informou|anunciou|explicou|declarou|teria|teriam|poderia|suspeito|suspeita|negou|nega|acredita"),
		numbers: counting(2, "dois/duas três quatro cinco seis sete oito nove dez onze doze", map[string]float64{"vinte": 20, "trinta": 30, "quarenta": 40, "cinquenta": 50, "cem": 100}),
		scales:  map[string]float64{"mil": 1e3, "bilhão": 1e9, "bilhões": 1e9},
		months:  monthList("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"), days: wordSet("segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo ontem hoje amanhã")},
	"fr": {cased: true, short: 5, inflects: true,
		not: phrases("ne|pas|jamais|personne|rien|aucun|aucune|sans|ni"), turns: phrases("nie|nient|dément|démenti|démentent|refuse|refusé|rejette|rejeté|conteste|nié|contesté"), counts: wordSet("premier première deuxième second seconde troisième quatrième cinquième moitié tiers quart dizaine dizaines douzaine vingtaine centaine centaines milliers"), notParts: []string{"n'"},
		says:    phrases("dit|disent|selon|affirmé|affirme|assuré|assure|présumé|présumée|prétendu|accuse|accusé|accusée|soupçonné|soupçonnée|annoncé|annonce|indiqué|indique|expliqué|explique|déclaré|déclare|aurait|auraient|pourrait|pourraient|estimé|estime|d après|nié|nie|conteste|rejeté"),
		numbers: counting(2, "deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize", map[string]float64{"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60, "cent": 100}),
		scales:  map[string]float64{"mille": 1e3, "billion": 1e12, "billions": 1e12},
		months:  monthList("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"), days: wordSet("lundi mardi mercredi jeudi vendredi samedi dimanche hier demain")},
	"de": {cased: true, short: 5, inflects: true,
		not: phrases("nicht|kein|keine|keinen|keiner|keinem|nie|niemals|niemand|nichts|ohne|weder"), turns: phrases("bestreitet|bestritt|bestritten|dementiert|dementierte|leugnet|verweigert|abgelehnt|lehnt"), counts: wordSet("erste ersten erster erstes zweite zweiten zweiter dritte dritten dritter vierte vierten fünfte hälfte drittel viertel dutzend dutzende hunderte tausende"),
		says:    phrases("sagte|sagt|sagten|laut|zufolge|erklärte|erklärt|teilte|mitteilte|mutmaßlich|mutmaßliche|mutmaßlicher|mutmaßlichen|angeblich|angebliche|soll|sollen|beschuldigt|beschuldigte|vorgeworfen|wirft|angeklagt|verdächtigt|verdacht|berichtete|berichtet|kündigte|hieß|könnte|könnten|wäre|sei|seien|habe|bestreitet|bestritt|meinte|glaubt"),
		numbers: counting(2, "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf", map[string]float64{"zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "sechzig": 60, "siebzig": 70, "achtzig": 80, "neunzig": 90, "hundert": 100}),
		scales:  map[string]float64{"tausend": 1e3, "billion": 1e12, "billionen": 1e12},
		months:  monthList("januar/jänner februar märz april mai juni juli august september oktober november dezember"), days: wordSet("montag dienstag mittwoch donnerstag freitag samstag sonntag gestern heute morgen montagabend dienstagabend")},
	"ru": {cased: true, short: 4, inflects: true,
		not: phrases("не|ни|нет|никогда|никто|ничего|нельзя|без"), turns: phrases("отрицает|отрицал|отрицала|отрицают|опроверг|опровергла|опровергли|отверг|отвергла|отвергли|отказался|отказалась|отказались|отрицали"), counts: wordSet("первый первая первого первой второй вторая второго третий третья третьего четвёртый четвертый половина половину половины треть четверть десятки десятков сотни сотен"),
		says:    phrases("сказал|сказала|сказали|говорит|говорят|заявил|заявила|заявили|сообщил|сообщила|сообщили|сообщает|сообщают|рассказал|рассказала|по словам|по данным|по мнению|согласно|якобы|предположительно|подозревают|подозревается|подозреваемый|обвиняют|обвиняется|обвинили|обвинил|обвинила|считает|считают|отметил|отметила|утверждает|утверждают|отрицает|отрицал|может|могут|могла|могли|мог|передает|передаёт|пишет|объявил|объявила|пояснил|пояснила|отверг|отвергла"),
		numbers: counting(2, "два/две/двух/двое три/трёх/трех/трое четыре/четырёх/четырех/четверо пять/пяти/пятеро шесть/шести семь/семи восемь/восьми девять/девяти десять/десяти одиннадцать/одиннадцати двенадцать/двенадцати", map[string]float64{"двадцать": 20, "двадцати": 20, "тридцать": 30, "тридцати": 30, "сорок": 40, "пятьдесят": 50, "шестьдесят": 60, "семьдесят": 70, "восемьдесят": 80, "девяносто": 90, "сто": 100}),
		months:  monthList("январь/января/январе февраль/февраля/феврале март/марта/марте апрель/апреля/апреле май/мая/мае июнь/июня/июне июль/июля/июле август/августа/августе сентябрь/сентября/сентябре октябрь/октября/октябре ноябрь/ноября/ноябре декабрь/декабря/декабре"), days: wordSet("понедельник понедельника вторник вторника среда среду среды четверг четверга пятница пятницу пятницы суббота субботу субботы воскресенье воскресенья вчера сегодня завтра накануне")},
	"ar": {short: 4,
		not: phrases("لا|لم|لن|ليس|ليست|غير|دون|بدون|ما لم|ولم|ولا|ولن"), turns: phrases("نفى|نفت|ينفي|تنفي|أنكر|أنكرت|ينكر|رفض|رفضت|يرفض|ترفض|ونفى|ونفت|ورفض|ينف|تنف|نفوا"), counts: wordSet("الأول الأولى الثاني الثانية الثالث الثالثة الرابع الرابعة نصف ثلث ربع مئات المئات عشرات العشرات"),
		says: phrases("قال|قالت|قالوا|يقول|تقول|وقال|وقالت|أعلن|أعلنت|وأعلن|وأعلنت|ذكر|ذكرت|أفاد|أفادت|وأفاد|بحسب|وفق|وفقا|حسب|اتهم|اتهمت|يتهم|متهم|المتهم|اتهامات|بتهمة|يشتبه|مزاعم|زعم|بزعم|أكد|أكدت|وأكد|وأكدت|أضاف|أضافت|وأضاف|وأضافت|أوضح|أوضحت|نفى|نفت|قد|ربما"),
		days: wordSet("الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد أمس اليوم غدا"), months: monthList("يناير فبراير/شباط مارس/آذار أبريل/ابريل/نيسان مايو/أيار يونيو/حزيران يوليو/تموز أغسطس/آب سبتمبر/أيلول أكتوبر نوفمبر ديسمبر"),
		numbers: map[string]float64{"اثنان": 2, "اثنين": 2, "ثلاثة": 3, "ثلاث": 3, "أربعة": 4, "أربع": 4, "خمسة": 5, "خمس": 5, "ستة": 6, "سبعة": 7, "سبع": 7, "ثمانية": 8, "ثماني": 8, "تسعة": 9, "تسع": 9, "عشرة": 10, "عشرين": 20, "عشرون": 20, "ثلاثين": 30, "ثلاثون": 30, "أربعين": 40, "أربعون": 40, "خمسين": 50, "خمسون": 50, "مئة": 100, "مائة": 100}},
	"ur": {short: 3,
		not: phrases("نہیں|نہ|کبھی نہیں|بغیر|بے بنیاد|کوئی نہیں"), turns: phrases("تردید|انکار|مسترد"), counts: wordSet("پہلا پہلی پہلے دوسرا دوسری دوسرے تیسرا تیسری تیسرے چوتھا چوتھی نصف آدھا آدھی چوتھائی تہائی درجنوں سینکڑوں ہزاروں لاکھوں"),
		says:    phrases("کہا|کہنا|کہتے|بتایا|مطابق|الزام|الزامات|مبینہ|ملزم|دعویٰ|اعلان|خدشہ|شبہ|مشتبہ|تردید|انکار|کے بقول|واضح کیا"),
		days:    wordSet("پیر منگل بدھ جمعرات جمعہ ہفتہ ہفتے اتوار آج کل"),
		months:  monthList("جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر"),
		numbers: counting(2, "دو تین چار پانچ چھ سات آٹھ نو دس گیارہ بارہ", map[string]float64{"بیس": 20, "تیس": 30, "چالیس": 40, "پچاس": 50})},
	"vi": {cased: true, short: 2,
		not: phrases("không|chưa|chẳng|vô tội"), turns: phrases("phủ nhận|bác bỏ|từ chối|chối"), counts: wordSet("hai ba bốn năm sáu bảy tám chín mười tư nhất nửa chục trăm"),
		says: phrases("cho biết|cho rằng|nói|theo|cáo buộc|nghi|nghi ngờ|bị cáo|tố cáo|bị tố|tuyên bố|khẳng định|thông báo|phủ nhận|bác bỏ|có thể|được cho là|chia sẻ|nhận định|dự kiến|cho hay"),
		days: wordSet("nay mai qua nhật")},
	"zh": {plain: true, short: 1,
		not: phrases("不|没|沒|未|无|無|非"), turns: phrases("否认|否認|拒绝|拒絕|驳斥|駁斥"),
		says:   phrases("说|說|称|稱|表示|指出|据|據|根据|根據|涉嫌|指控|被控|怀疑|懷疑|认为|認為|报道|報道|报导|宣布|透露|否认|否認|可能|反驳|反駁"),
		months: monthList(""), days: wordSet("")},
}

// scaleWords multiply the number before them, in every language that is not
// its own otherwise.
var scaleWords = map[string]float64{
	"k": 1e3, "thousand": 1e3, "thousands": 1e3, "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7, "m": 1e6, "mn": 1e6, "mln": 1e6, "mio": 1e6, "bn": 1e9, "mrd": 1e9, "tn": 1e12,
	"million": 1e6, "millions": 1e6, "millionen": 1e6, "millón": 1e6, "millones": 1e6, "milhão": 1e6, "milhões": 1e6, "billion": 1e9, "billions": 1e9, "milliard": 1e9, "milliards": 1e9, "milliarde": 1e9, "milliarden": 1e9, "trillion": 1e12,
	"тыс": 1e3, "тысяча": 1e3, "тысячи": 1e3, "тысяч": 1e3, "млн": 1e6, "миллион": 1e6, "миллиона": 1e6, "миллионов": 1e6, "млрд": 1e9, "миллиард": 1e9, "миллиарда": 1e9, "миллиардов": 1e9,
	"ألف": 1e3, "آلاف": 1e3, "ألفا": 1e3, "مليون": 1e6, "ملايين": 1e6, "مليونا": 1e6, "مليار": 1e9, "مليارات": 1e9,
	"ہزار": 1e3, "لاکھ": 1e5, "کروڑ": 1e7, "ارب": 1e9, "ملین": 1e6, "nghìn": 1e3, "ngàn": 1e3, "triệu": 1e6, "tỷ": 1e9, "tỉ": 1e9, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8,
}

// scaleOf reads a scale; Chinese ones begin a run of signs.
func scaleOf(t *tongue, w string) (float64, bool) {
	if v, ok := t.scales[w]; ok {
		return v, true
	}
	if v, ok := scaleWords[w]; ok {
		return v, true
	}
	if t.plain {
		for _, s := range []string{"万", "萬", "亿", "億"} {
			if strings.HasPrefix(w, s) {
				return scaleWords[s], true
			}
		}
	}
	return 0, false
}

// units are what stands before or behind a number, as one name each.
var units = func() map[string]string {
	m := map[string]string{"₨": "rupee", "ریال": "riyal"}
	for name, list := range map[string]string{
		"%":      "% percent pc prozent процент процента процентов فیصد بالمئة بالمائة",
		"dollar": "$ usd dollar dollars dólar dólares dólares доллар доллара долларов دولار دولارات ڈالر đô 美元",
		"euro":   "€ eur euro euros евро يورو یورو 欧元",
		"pound":  "£ gbp pound pounds sterling libras libra livres фунт фунта фунтов جنيه پاؤنڈ 英镑",
		"rupee":  "₹ rs inr pkr rupee rupees rupias roupies рупий روبية روپے روپیہ روپیے",
		"rouble": "₽ rub rouble roubles ruble rubles rublos rubel руб рубль рубля рублей روبل",
		"yuan":   "cny rmb yuan юань юаня юаней 元 人民币",
		"yen":    "¥ jpy yen иен 日元", "crown": "crown crowns krona kronor krone kroner kronen coronas couronnes крон кроны sek nok dkk", "peso": "peso pesos песо", "lira": "lira liras lire лир", "won": "won ₩ krw", "baht": "baht thb", "rand": "rand zar", "real": "brl reais reals", "zloty": "zloty zlotys złoty", "hryvnia": "hryvnia hryvnias гривен гривны гривень", "shekel": "shekel shekels", "taka": "taka", "ringgit": "ringgit", "rupiah": "rupiah", "dong": "vnd đồng", "franc": "chf franc francs franken", "dinar": "دينار dinar dinars", "dirham": "aed dirham dirhams درهم", "riyal": "sar riyal riyals",
	} {
		for _, w := range strings.Fields(list) {
			m[w] = name
		}
	}
	return m
}()

// unit is what the number that stands in parts[first..last] counts, if it is
// a share or money.
func (t *tongue) unit(parts []string, first, last int, near func(int) bool) string {
	if first > 0 && near(first-1) {
		switch u := units[parts[first-1]]; {
		case u != "" && u != "%":
			return u
		case parts[first-1] == "百分之" || strings.HasSuffix(parts[first-1], "百分之"):
			return "%"
		}
	}
	if t.plain && last > first { // 万元
		if u := hanUnit(strings.TrimLeft(parts[last], "万萬亿億")); u != "" {
			return u
		}
	}
	for i := last; i < last+2 && near(i); i++ { // "5 million US dollars"
		w := parts[i+1]
		if u := units[w]; u != "" {
			if u == "%" && near(i+1) && i+2 < len(parts) && strings.HasPrefix(parts[i+2], "point") {
				return "points"
			}
			return u
		}
		if u := hanUnit(w); t.plain && u != "" {
			return u
		}
		if i == last && slices.Contains([]string{"per", "por", "pour", "phần", "في", "فی"}, w) && near(i+1) && i+2 < len(parts) &&
			slices.Contains([]string{"cent", "ciento", "cento", "trăm", "المئة", "المائة", "صد"}, parts[i+2]) {
			return "%"
		}
	}
	return ""
}

// hanUnit is the currency that a run of Chinese signs begins with.
func hanUnit(s string) string {
	for _, u := range []string{"美元", "欧元", "英镑", "日元", "人民币", "元"} {
		if strings.HasPrefix(s, u) {
			return units[u]
		}
	}
	return ""
}

// numbersHold says whether a stem is a number word, which has its own guard.
func (t *tongue) numbersHold(stem string) bool { _, ok := t.numbers[stem]; return ok }

// negates says whether a text denies something.
func (t *tongue) negates(s string) bool {
	s = strings.ReplaceAll(strings.ToLower(s), "’", "'")
	for _, p := range t.notParts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return t.holds(s, t.not) || t.holds(s, t.turns)
}

// apart is how many words may stand between "not" and the verb that it turns.
const apart = 3

// affirms says whether a text denies a denial: "did not deny".
func (t *tongue) affirms(s string) bool {
	s = strings.ReplaceAll(strings.ToLower(s), "’", "'")
	for _, p := range t.notParts {
		s = strings.ReplaceAll(s, p, " "+t.not[0]+" ")
	}
	if t.plain {
		return slices.ContainsFunc(t.turns, func(verb string) bool {
			return slices.ContainsFunc(t.not, func(no string) bool { return strings.Contains(s, no+verb) || strings.Contains(s, no+"有"+verb) })
		})
	}
	words := letters(s)
	var turned []int
	for i := range words {
		if begins(words[i:], t.turns) {
			turned = append(turned, i)
		}
	}
	for i := range words {
		if len(turned) > 0 && begins(words[i:], t.not) && slices.ContainsFunc(turned, func(k int) bool { return k != i && k-i <= apart+1 && i-k <= apart+1 }) {
			return true
		}
	}
	return false
}

// begins says whether any phrase of a list stands at the start of words.
func begins(words []string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		parts := strings.Fields(p)
		return len(parts) <= len(words) && slices.Equal(parts, words[:len(parts)])
	})
}

// attributes says whether a text tells whose word it is, or that it is not sure.
func (t *tongue) attributes(s string) bool { return t.holds(strings.ToLower(s), t.says) }

func (t *tongue) holds(s string, list []string) bool {
	if t.plain {
		return slices.ContainsFunc(list, func(p string) bool { return strings.Contains(s, p) })
	}
	s = " " + strings.Join(letters(s), " ") + " "
	return slices.ContainsFunc(list, func(p string) bool { return strings.Contains(s, " "+p+" ") })
}
