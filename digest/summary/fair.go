package summary

import "slices"

// charges is what one language says of accusations and their denial. A
// pattern is one or more words in lower case; "accus*" matches any ending.
type charges struct {
	accuse phrases // an accusation
	deny   phrases // a denial by itself
	rebuff phrases // a denial if claims follow: "rejected the accusations"
	belie  phrases // a denial if claims precede: "the accusations are false"
	claims phrases
	not    phrases // looks like a denial and is none
	plain  bool    // no spaces between words: look for the bare characters
	index  *phraseIndex
}

var fairness = indexed(map[string]*charges{
	"en": {
		accuse: phraseList("police detained|was detained|were detained|fined|jailed for|she blamed|he blamed|who blamed|is investigating|are investigating|detectives believe*|investigators believe*|investigators linked|whistleblower*|groped|found guilty|guilty of|convicted of|goes on trial|went on trial|go on trial|being probed|probed over|detained over|detained for|detained on suspicion|fined for|want to question|wanted for questioning|suspended over claims|was arrested|were arrested|been arrested|under investigation|being investigated|blamed for|facing trial|face trial|faces trial|stand trial|standing trial|the charge|prosecutors claim*|police believe|assaulted her|assaulted him|abused her|abused him|raped her|harassed her|molest*|accus*|alleg*|charged|charges against|charges of|charge of|criminal charges|felony charges|faces charges|facing charges|face charges|murder charges|fraud charges|corruption charges|indict*|suspect|suspects|suspected|suspicion|sued|sues|suing|lawsuit|lawsuits|arraigned|prosecutors said|prosecutors say|prosecuted|implicated|embezzl*|defraud*|arrested for|arrested on suspicion|arrested over|on trial for"),
		deny:   phraseList("never placed|never paid|never received|never accepted|never knew|never offered|broken no rules|broke no rules|broken no law|broken no laws|broke no law|broke no laws|complied with the law|complied with all|complied fully|followed the rules|followed the law|followed all the rules|within the rules|in good faith|no case to answer|nothing of the sort|nothing of the kind|no foundation|had no idea|knew nothing|was not there|were not there|been set up by|he had been set up|she had been set up|scapegoat*|was lying|is lying|are lying|were lying|self defence|self defense|was an accident|riddled with errors|a smear|a political stunt|defend itself|defend himself|defend herself|defend themselves|disputed the findings|a lie|did not happen|didn't happen|not true|pleaded innocent|plead innocent|done no wrong|did no wrong|was framed|were framed|been framed|acted lawfully|acted legally|acted properly|acted within the law|acted appropriately|acted correctly|done nothing illegal|did not take any|did not take the money|did not take bribes|did not take a bribe|never took any|never took a bribe|never taken|never touched|never hit|never harmed|never assaulted|never raped|never killed|did not kill|didn't kill|did not steal|never stole|did not abuse|did not hit|never abused|did not harass|never harassed|did not rape|did not assault|disputes the|disputes this|disputes that|disputes her|disputes his|strongly disput*|disputed the account|disputed that|denied|denies|deny|denying|denial|denials|refute*|refuting|rebut|rebutted|rebuts|not guilty|no wrongdoing|nothing wrong|nothing illegal|nothing improper|baseless|unfounded|groundless|meritless|without merit|no merit|untrue|is innocent|was innocent|are innocent|were innocent|i'm innocent|i am innocent|he's innocent|she's innocent|we're innocent|his innocence|her innocence|their innocence|my innocence|its innocence|protest* innocence|maintain* innocence|never happened|politically motivated|witch hunt|not involved|no involvement|no role in|had no part|no knowledge of|did not do it|didn't do it|did not commit|didn't commit|false accusation*|false allegation*|false claims|falsely accused|wrongly accused|wrongfully accused|clear his name|clear her name|clear their name|clear its name|clear our name|clear my name|fight the charge*|fight the case|fight the allegation*|fight the accusation*|fight them in court|pack of lies|trumped up|smear campaign|disavow*"),
		rebuff: phraseList("shrugged off|shrugs off|waved away|scoff*|reject*|dismiss|dismisses|dismissed|dismissing|repudiat*|dispute|disputes|disputed|disputing|contest|contests|contested|contesting|challenge|challenges|challenged|brushed aside|rubbish*|quash*|fight|fights|fighting|fought|denounc*|condemn*|hit back|no truth|no basis|no evidence|no substance"),
		belie:  phraseList("fantasy|false|falsehood*|lie|lies|fabricat*|absurd|ridiculous|nonsense|outrageous|ludicrous|fiction|rubbish|slander*|defam*|smear*|unsubstantiated|not true|wrong|incorrect|inaccurate|invented|made up|no truth|no basis"),
		claims: phraseList("accusation*|allegation*|claim|claims|charge|charges|suggestion*|lawsuit*|complaint*|report|reports|indictment|blame|suspicion*"),
		not:    phraseList("denial of|innocent people|innocent civilians|innocent victim*|innocent lives|innocent bystander*|innocent children|nothing wrong with|denied bail|denied access|denied entry|denied parole|denied a visa|denied visa|denied permission|denied asylum|denied boarding|denied the request|denied the motion|denied the appeal|denied his request|denied her request|denied their request|denied his appeal|denied her appeal|denied his bail|denied a request|denied a motion|denied an appeal|denied requests|denied medical|denied care|denied treatment|denied service|denied justice|denied him|denied her|denied them|denied us|was denied|were denied|been denied|being denied|be denied|is denied|are denied|can't deny|cannot deny|no denying|neither confirm* nor den*|neither confirm* or den*|not confirm* or den*|not confirm* nor den*|confirm or deny|confirmed nor denied|confirmed or denied|denied a penalty|denied a goal|denied an equali*|denied victory|deny access|denies access|denying access|deny entry|denying entry|in denial|not denied|not deny|not denying|did not dispute|does not dispute|didn't dispute|dismissed from"),
	},
	"es": {
		accuse: phraseList("investiga a|investigan a|detuvo a|detuvieron a|a juicio por|condenad* por|señalan a|le atribuyen|se le atribuye|habría|habrían|acusad*|juzgad* por|investigan|acus*|presunt*|supuest*|imputa*|imputó|denunci*|sospech*|procesad*|procesamiento|señalad* de|inculpa*|querella*|demandad*|demandó|cargos|delito*|culpa|culpó|investigad* por|detenid* por"),
		deny:   phraseList("jamás he|nunca he|nunca tocó|nunca cobró|nunca recibió|jamás cobró|jamás recibió|jamás tocó|cumplió la ley|cumple la ley|conforme a la ley|dentro de la ley|no hay pruebas|montaje|desprestigio|venganza política|se desvinculó|se desvincula|no estaba allí|no estaba en el lugar|no cometió|no cometieron|es mentira|es falso|son falsas|son falsos|no es cierto|no es verdad|nada ilegal|rechaza haber|rechazó haber|ningún delito|niega|niegan|negó|negaron|negar|negado|negando|negaba|desmiente|desmienten|desmintió|desmintieron|desmentido|desmentir|inocen*|no culpable|infundad*|rechazó tajantemente|refut*|sin fundamento|persecución política|no tener nada que ver|nada que ver"),
		rebuff: phraseList("rechaz*|descart*|desestim*|repudi*|tachó|tildó|calificó|desment*|refut*"),
		belie:  phraseList("falso|falsas|falsos|falsa|mentira*|calumni*|infundad*|absurd*|inventad*"),
		claims: phraseList("acusación|acusaciones|cargos|denuncia|denuncias|alegaciones|imputacion*|señalamientos|sospecha*|demanda"),
		not:    phraseList("negó la libertad|negó el permiso|negó la entrada|negó la fianza|se negó a|se niega a|se negaron a|se niegan a|negarse a|no negó|no niega"),
	},
	"fr": {
		accuse: phraseList("interpell*|comparaît|comparaissent|garde à vue|condamné pour|condamnée pour|condamnés pour|ouvert une enquête|renvoyé devant|renvoyée devant|aurait|auraient|jugé pour|jugée pour|jugés pour|visé* par une enquête|accus*|soupçon*|mis* en examen|inculp*|présumé*|prévenu*|poursuivi*|plainte*|prétendu*|allégu*|allégation*|mis* en cause|reproch*|suspect*|visé par|visée par|visés par"),
		deny:   phraseList("jamais touché|jamais reçu|jamais pris|respecté la loi|dossier vide|complot|tout était légal|se défend de|se défendent de|n'ai rien fait|n'a rien fait|n'avoir rien fait|campagne de diffamation|pas être au courant|n'était pas au courant|machination|calomnie*|rien fait d'illégal|rien à se reprocher|plaidé la relaxe|plaide la relaxe|plaidé l'acquittement|c'est faux|est faux|de mensongères|de mensonges|aucune faute|jamais commis|nie|nient|nié|niait|niant|nier|dément|démentent|démenti|démentis|démentir|démentant|innocen*|non coupable|plaid* non|infondé*|sans fondement|réfut*|conteste|contestent|contesté|contestait|contestant|clame son|clame leur|dénué de fondement|dénuées de fondement|aucun fait répréhensible|chasse aux sorcières"),
		rebuff: phraseList("rejet*|récus*|balay*|dénonc*|repouss*|écart*"),
		belie:  phraseList("faux|fausse*|mensong*|calomni*|infond*|absurd*|inventé*"),
		claims: phraseList("affirmations|propos|accusation|accusations|allégation*|soupçons|reproches|charges|griefs|plainte"),
		not:    phraseList("ne nie pas|n'a pas nié|n'a pas démenti|incontest*|ne conteste pas|innocentes victimes|victimes innocentes"),
	},
	"de": {
		accuse: phraseList("vor gericht|anzeige erstattet|anzeige gegen|zur last gelegt|festgenommen|soll das|soll die|soll den|soll der|soll ein*|soll in|soll im|soll mehrere|soll seine*|sollen die|wegen|beschuldig*|angeklag*|anklage*|verdächtig*|verdacht*|tatverdächt*|mutmaßlich*|vorwurf|vorwürfe*|vorgeworfen|wirft|werfen|warf|beklagt*|klage|verklag*|bezichtig*|angeblich*|ermittl*|ermittelt|unterstell*"),
		deny:   phraseList("nie angerührt|nie genommen|nie erhalten|an das gesetz gehalten|an die gesetze gehalten|an recht und gesetz|nichts dran|von einer kampagne|vorwürfe wehren|vorwurf wehren|eine lüge|gelogen|stritt jede|streitet jede|stritt jegliche|streitet jegliche|nichts gewusst|nicht gewusst|intrige|freispruch|verleumdung*|streitet alles|streitet dies|streitet das|streitet die|stritt alles|nichts falsch|nichts unrecht*|nichts verbotenes|frei von schuld|nichts vorzuwerfen|nicht wahr|stimme nicht|stimmt nicht|bestreit*|bestritt*|bestritten|dementier*|dementi|unschuld*|nicht schuldig|leugn*|geleugnet|haltlos*|unbegründet*|aus der luft gegriffen|frei erfunden|unwahr*|weist zurück|wies zurück|wiesen zurück|weisen zurück|zurückgewiesen|zurückweis*|verneint*|widersprach|widerspricht|widersprochen|hexenjagd"),
		rebuff: phraseList("streitet|stritt|streiten|abgestritten"),
		belie:  phraseList("zurück|zurückweis*|zurückgewiesen|falsch*|lüge*|absurd*|unsinn|haltlos*|erfunden*|ab"),
		claims: phraseList("vorwurf|vorwürfe*|anschuldig*|beschuldig*|anklage*|verdacht*|behauptung*|schuld"),
		not:    phraseList("unbestritten*|bestreitet nicht|bestritt nicht|wird bestritten"),
	},
	"ru": {
		accuse: phraseList("судят|осудил*|осужден*|осуждён*|фигурант*|признали виновн*|признал* виновн*|признан* виновн*|взятк*|взяточ*|возбужден*|возбуждено|возбудил*|обвин*|подозрева*|подозрени*|подозреваем*|якобы|вменя*|предъяв*|арестова*|задержа*|уголовн*|иск|иске|иска|иску|предполагаем*|уличи*|заподозр*|жалоб*"),
		deny:   phraseList("никогда не брал*|никогда не получал*|никогда не совершал*|не нарушал*|соблюдал закон*|соблюдала закон*|соблюдали закон*|дело политическ*|политическ* заказ*|подставили|просит оправдать|просила оправдать|виновным себя|виновной себя|это ложь|это неправда|сфабрикован*|необоснован*|не брал|не виноват*|неправд*|не совершал*|отрица*|отвер*|опроверг*|опроверж*|невинов*|не винов*|невиновн*|не признал*|не признаёт*|не признает*|не призна*|вину не|беспочвенн*|безоснователн*|безоснова*|не соответству*|назвал* клевет*|назвал* лож*|клеветой|ложью|непричаст*|не причаст*|голословн*|политически мотивир*|не совершал*|оклевета*"),
		rebuff: phraseList("отклон*|отмет*|отмел*|несогла*|не согла*|оспар*|оспор*|назвал* клевет*|назвал* лож*"),
		belie:  phraseList("абсурд*|бред*|ложь|ложью|ложны*|клевет*|вымы*|выдумк*|беспочвенн*"),
		claims: phraseList("обвинени*|подозрени*|претензи*|утвержден*|иск*|вин*"),
		not:    phraseList("не отрица*|не опроверг*|отвергл* ходатайств*|отрицательн*"),
	},
	"ar": {
		accuse: phraseList("ادين|ادينت|ادانت|يلاحق|تلاحق|ملاحق*|تحقق النيابة|تحقق الشرطة|توقيف*|القبض على|اعتقل*|اعتقال*|للمحاكمة|المحاكمة|تحقيق*|التحقيق*|اتهم*|يتهم*|تتهم*|متهم*|المتهم*|اتهام*|الاتهام*|تهمة|تهم|التهم*|بتهمة|بتهم|مزاعم|المزاعم|يزعم|تزعم|زعم*|المشتبه*|مشتبه*|يشتبه|للاشتباه|ادعاء*|الادعاء*|دعوى|شكوى"),
		deny:   phraseList("لم ياخذ|لم تاخذ|لم يتلق|لم تتلق|لم يسرق|لم تسرق|لم يقتل|التزم بالقانون|التزمت بالقانون|وفق القانون|وفقا للقانون|مؤامرة|بانها سياسية|دوافع سياسية|هذا كذب|محض كذب|ملفقة|باطلة|لا علاقة له|لا علاقة لها|لا علاقة لهم|لا صلة له|لا صلة لها|يدحض|لم يرتكب|لم ترتكب|غير صحيح|غير صحيحة|لا صحة|نفى|نفت|نفوا|ينفي|تنفي|ينفون|نفيه|نفيها|نفيا|نافيا|نافية|نافين|النفي|انكر*|ينكر*|تنكر*|انكار*|منكرا|براءته|براءتها|براءتهم|ببراءته|ببراءتها|بريء|بريئة|بريئون|ابرياء|غير مذنب|غير مذنبة|لا اساس|عارية عن|عارية من|كيدية"),
		rebuff: phraseList("كذب|كذبت|يكذب|رفض*|يرفض|ترفض|دحض*|فند*|استنكر*|رد|ردت"),
		belie:  phraseList("كاذبة|الكاذبة|كذب|ملفقة|مفبركة|باطلة|كيدية|افتراء*"),
		claims: phraseList("اتهام*|الاتهام*|تهم*|التهم*|مزاعم|المزاعم|ادعاء*|الادعاء*"),
		not:    phraseList("لم ينف|لم تنف|لا ينفي|لا ينكر|لم ينكر"),
	},
	"ur": {
		accuse: phraseList("تحقیقات کر|خلاف تحقیقات|مجرم*|الزام*|ملزم*|مبینہ*|مقدمہ*|مقدمے|فرد جرم|مشتبہ*|شبہ|شبہے|ملوث|نامزد|گرفتار"),
		deny:   phraseList("کوئی رقم نہیں|قانون پر عمل|قانون کے مطابق کام|سیاسی انتقام|انتقامی کارروائی|صداقت نہیں|سازش قرار|یہ جھوٹ|جھوٹ ہے|جھوٹ قرار|کوئی تعلق نہیں|من گھڑت|درست نہیں|سچ نہیں|حقیقت نہیں|کوئی جرم نہیں|تردید*|انکار*|بے قصور*|بےقصور*|بے گناہ*|بےگناہ*|بیگناہ*|بے بنیاد*|بےبنیاد*|من گھڑت|صحت جرم*|غلط قرار|سیاسی انتقام*"),
		rebuff: phraseList("رد|مسترد"),
		belie:  phraseList("غلط|رد|مسترد|جھوٹ*|بے بنیاد|من گھڑت"),
		claims: phraseList("الزام*|دعو*|مقدم*"),
		not:    phraseList("درخواست مسترد|ضمانت مسترد|انکار نہیں|تردید نہیں"),
	},
	"zh": {plain: true,
		accuse: phraseList("逮捕|罪名|罪成|立案|举报|舉報|刑拘|刑事拘留|怀疑|懷疑|被指|被告|受审|受審|调查|調查|指控|控告|起诉|起訴|涉嫌|被控|指责|指責|嫌疑|嫌犯|疑犯|被捕|告发|檢控|检控|提告|诉讼|訴訟|举报|舉報|指称|指稱"),
		deny:   phraseList("诬告|誣告|陷害|遵守法律|守法|一切合法|符合法律|与此事无关|与此案无关|与此无关|與此無關|與此事無關|毫不知情|不是真的|是诽谤|纯属诽谤|是誹謗|喊冤|无罪|無罪|从未拿|從未拿|清白|无辜|無辜|拒绝认罪|拒絕認罪|没有收|沒有收|没有犯|沒有犯|没有偷|从未|從未|不属实|不屬實|并非事实|並非事實|否认|否認|不认罪|不認罪|拒不认罪|无罪|無罪|清白|冤枉|辟谣|闢謠|毫无根据|毫無根據|毫无依据|子虚乌有|子虛烏有|莫须有|澄清|无稽之谈|無稽之談|没有参与|沒有參與|没有做"),
		rebuff: phraseList("驳斥|駁斥|反驳|反駁|拒绝接受|不接受"),
		belie:  phraseList("不实|不實|捏造|毫无根据|毫無根據|虚假|虛假|谎言|謊言"),
		claims: phraseList("指控|指责|指責|控告|说法|說法"),
		not:    phraseList("不否认|不否認|未否认|未否認|没有否认|沒有否認|既不承认也不否认"),
	},
	"vi": {
		accuse: phraseList("cáo buộc|bị cáo|buộc tội|nghi can|nghi phạm|tình nghi|khởi tố|tố cáo|bị tố|truy tố|nghi ngờ|nghi vấn|kiện"),
		deny:   phraseList("phủ nhận|bác bỏ|chối tội|vô tội|kêu oan|bịa đặt|vu khống|không nhận tội|không thừa nhận|chối bỏ|sai sự thật|phủ định"),
		rebuff: phraseList("bác|phản đối"),
		belie:  phraseList("sai|bịa đặt|không đúng|vô căn cứ"),
		claims: phraseList("cáo buộc|tố cáo|thông tin"),
		not:    phraseList("không phủ nhận|không bác bỏ"),
	},
	"pt": {
		accuse: phraseList("acus*|suspeit*|supost*|alegad*|denunci*|indiciad*|investigad* por|processad*|réu|réus"),
		deny:   phraseList("nega|negam|negou|negaram|negar|negando|desment*|inocen*|infundad*|sem fundamento|mentira|falsas|falsos|refut*"),
		rebuff: phraseList("rejeit*|repudi*"),
		belie:  phraseList("falsas|falsos|falsa|mentira*|infundad*"),
		claims: phraseList("acus*|denúncia*|alegaç*"),
		not:    phraseList("se negou a|negou o pedido|não nega|não negou"),
	},
})

// chargesFor returns the lists for a language tag; for an unknown language
// those of English.
func chargesFor(tag string) *charges {
	if c, ok := fairness[primary(tag)]; ok {
		return c
	}
	return fairness["en"]
}

// near is how many words may stand between claims and what is said of them.
const near = 6

// judge says whether a sentence accuses and whether it denies.
func (c *charges) judge(s string) (accuses, denies bool) {
	if c.plain {
		rest := c.not.cut(s)
		return c.accuse.in(s), c.deny.in(rest) || c.rebuff.in(rest) && c.claims.in(rest) || c.belie.after(rest, c.claims)
	}
	if !c.index.hints(s) {
		return false, false
	}
	words := lowerWords(s)
	at := c.index.find(words)
	accusations := at[accusing]
	denial := func(i int) bool {
		return !slices.ContainsFunc(at[noDenial], func(n int) bool { return i-n >= 0 && i-n < 4 }) && !accusedOf(words, accusations, i)
	}
	if slices.ContainsFunc(at[denying], denial) {
		return len(accusations) > 0, true
	}
	for _, i := range at[rebuffing] {
		denies = denies || denial(i) && slices.ContainsFunc(at[claiming], func(k int) bool { return k > i && k-i <= near })
	}
	for _, i := range at[belying] {
		denies = denies || denial(i) && slices.ContainsFunc(at[claiming], func(k int) bool { return k < i && i-k <= near })
	}
	return len(accusations) > 0, denies
}

// indexed fills in the indexes of all languages.
func indexed(all map[string]*charges) map[string]*charges {
	for _, c := range all {
		c.index = newPhraseIndex(claiming, c.accuse, c.deny, c.rebuff, c.belie, c.claims, c.not)
	}
	return all
}

// The places of the lists in the index.
const (
	accusing = iota
	denying
	rebuffing
	belying
	claiming
	noDenial
)

// content are the words by which what someone is accused of begins.
var content = set("of with for making made make having filing filed giving gave submitting spreading issuing knowingly telling told de por con haber hacer pour avec avoir d'avoir wegen mit в за о по")

// accusedOf says whether words[i] is what somebody is accused of, as in
// "accused of denying wages".
func accusedOf(words []string, accusations []int, i int) bool {
	return i > 0 && content[words[i-1]] && slices.ContainsFunc(accusations, func(a int) bool { return a < i && i-a <= 10 })
}

// maxDenials bounds how many denials of an article are told apart.
const maxDenials = 50

// weighFairness finds the denials of the article and, if there are any, which
// sentences accuse and which denials would answer them: those that share a
// name with the accusation or, if none does, all of them.
func (s *Study) weighFairness() {
	rules := chargesFor(s.Doc.Language)
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if c.accuses, c.denies = rules.judge(c.Text); c.denies && len(s.denials) < maxDenials {
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
	s.addNames(i, names)
	if c := &s.Candidates[i]; c.Flaws&(Dangles|Loose) != 0 {
		for j := i - 1; j >= 0 && s.Candidates[j].order >= c.order-1; j-- {
			s.addNames(j, names)
		}
	}
	return names
}

func (s *Study) addNames(i int, names map[int32]bool) {
	for _, t := range s.Candidates[i].tokens {
		w := &s.words[t.id]
		if t.upper && !t.digit && w.length > 2 && w.inner > 0 && 2*w.upper > w.inner {
			names[t.id] = true
		}
	}
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
