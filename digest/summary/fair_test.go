package summary_test

import (
	"strings"
	"testing"

	"pressrun/digest/summary"
)

// between stands between the accusation and its denial, so that no summary
// holds both by taking the opening.
var between = map[string][2]string{
	"en": {"The town has some nine thousand inhabitants and lies at the mouth of the river. Its market is held twice a week and draws farmers from the whole valley.", "The next council meeting is planned for the second week of March. Visitors may register at the front desk or by telephone until the evening before."},
	"es": {"La ciudad tiene unos nueve mil habitantes y está en la desembocadura del río. El mercado se celebra dos veces por semana y atrae a los agricultores de todo el valle.", "La próxima sesión del concejo está prevista para la segunda semana de marzo. Los visitantes pueden inscribirse por teléfono hasta la víspera."},
	"fr": {"La ville compte environ neuf mille habitants et se trouve à l'embouchure du fleuve. Le marché se tient deux fois par semaine et attire les paysans de toute la vallée.", "La prochaine séance du conseil est prévue pour la deuxième semaine de mars. Les visiteurs peuvent s'inscrire par téléphone jusqu'à la veille."},
	"de": {"Die Stadt hat rund neuntausend Einwohner und liegt an der Mündung des Flusses. Der Markt findet zweimal in der Woche statt und zieht Bauern aus dem ganzen Tal an.", "Die nächste Sitzung des Rates ist für die zweite Märzwoche geplant. Besucher können sich bis zum Vorabend telefonisch anmelden."},
	"ru": {"В городе живут около девяти тысяч человек, он стоит в устье реки. Рынок работает дважды в неделю и собирает крестьян со всей долины.", "Следующее заседание совета намечено на вторую неделю марта. Посетители могут записаться по телефону до вечера накануне."},
	"ar": {"يبلغ عدد سكان المدينة نحو تسعة آلاف نسمة وتقع عند مصب النهر. يقام السوق مرتين في الأسبوع ويجذب المزارعين من الوادي كله.", "من المقرر عقد الجلسة المقبلة للمجلس في الأسبوع الثاني من مارس. يستطيع الزوار التسجيل بالهاتف حتى مساء اليوم السابق."},
	"ur": {"شہر کی آبادی تقریباً نو ہزار ہے اور یہ دریا کے دہانے پر واقع ہے۔ بازار ہفتے میں دو بار لگتا ہے اور پوری وادی سے کسان آتے ہیں۔", "کونسل کا اگلا اجلاس مارچ کے دوسرے ہفتے میں ہوگا۔ شہری ایک دن پہلے شام تک فون پر نام لکھوا سکتے ہیں۔"},
	"zh": {"这座城市有大约九千名居民，位于河口。集市每周举行两次，吸引整个河谷的农民。", "市议会下一次会议定于三月第二周举行。市民可以在前一天晚上之前打电话登记。"},
}

// fairCases are an accusation with the words that make it one, and a denial
// with the words by which it is known.
var fairCases = []struct {
	lang, title         string
	accusation, accuses string
	denial, denies      string
}{
	{"en", "Mayor in court", "Mayor Peter Lund was charged on Tuesday with taking 40,000 crowns from a builder who wanted the harbour contract.", "charged", "Lund denies the charges and says that he repaid a loan.", "denies"},
	{"en", "Coach suspended", "Swimming coach Ida Brandt has been accused of hitting two children during a training camp in July.", "accused", "Brandt's lawyer called the accusations false and said that she would fight them in court.", "false"},
	{"en", "Bank clerk arrested", "Prosecutors allege that Omar Said, a bank clerk, moved two million dollars of customers' money to his own account.", "allege", "Said pleaded not guilty before the district court on Friday.", "not guilty"},
	{"en", "Firm sued", "Three former workers sued the Norvik cannery on Monday and said that it had dumped brine into the bay.", "sued", "Norvik rejected the claims and said that every tank is measured once a day.", "rejected the claims"},
	{"en", "Minister under fire", "Opposition leader Jon Hale alleged that Minister Ruth Moss gave her brother's company the ferry contract.", "alleged", "Moss insisted that she had done nothing wrong and had left the room for the vote.", "nothing wrong"},
	{"en", "Singer named in complaint", "A former assistant filed a complaint alleging that singer Cal Dorn had withheld her wages for a year.", "alleging", "Through a spokesman, Dorn disputed the account and maintained his innocence.", "innocence"},
	{"en", "Police hold suspect", "Police suspect Karl Voss of setting the fire that destroyed the old grain store at the harbour.", "suspect", "\"I was not involved and I was not even in town that night,\" Voss told the Harbour Post.", "not involved"},
	{"en", "Treasurer indicted", "A grand jury indicted club treasurer Amy Poole for embezzling the money that members had paid for a new boat.", "indicted", "Poole, who has worked for the club for twenty years, said the indictment was baseless.", "baseless"},
	{"es", "Alcalde ante el juez", "La fiscalía acusó el martes al alcalde Pedro Luna de cobrar cuarenta mil euros de un constructor.", "acusó", "Luna negó los cargos y dijo que devolvió un préstamo.", "negó"},
	{"es", "Entrenadora apartada", "La entrenadora Ida Bravo fue denunciada por golpear a dos niños durante un campamento en julio.", "denunciada", "La defensa de Bravo calificó las acusaciones de infundadas.", "infundadas"},
	{"es", "Empresa señalada", "El presunto vertido de la empresa Norvisa contaminó la bahía durante tres semanas, según los vecinos.", "presunto", "Norvisa rechazó las acusaciones y aseguró que mide cada tanque todos los días.", "rechazó las acusaciones"},
	{"es", "Cajero detenido", "El cajero Omar Sáez está imputado por mover dos millones de euros de los clientes a su cuenta.", "imputado", "El abogado de Sáez sostiene que su cliente es inocente.", "inocente"},
	{"es", "Ministra cuestionada", "La oposición denunció que la ministra Rut Mora dio el contrato a la empresa de su hermano.", "denunció", "Mora desmintió la versión y recordó que no votó.", "desmintió"},
	{"fr", "Le maire devant le juge", "Le maire Pierre Lune est accusé d'avoir reçu quarante mille euros d'un entrepreneur du port.", "accusé", "Pierre Lune nie les faits et affirme avoir remboursé un prêt.", "nie"},
	{"fr", "Entraîneuse suspendue", "L'entraîneuse Ida Brun a été mise en examen pour avoir frappé deux enfants pendant un stage en juillet.", "mise en examen", "L'avocat d'Ida Brun a démenti et dénoncé un règlement de comptes.", "démenti"},
	{"fr", "Usine visée par une plainte", "Une plainte vise l'usine Norvic, soupçonnée d'avoir rejeté de la saumure dans la baie.", "soupçonnée", "La direction de Norvic conteste ces mesures et publie les siennes.", "conteste"},
	{"fr", "Caissier arrêté", "Le caissier Omar Sayed est poursuivi pour avoir détourné deux millions d'euros de ses clients.", "poursuivi", "Omar Sayed clame son innocence depuis le premier jour.", "innocence"},
	{"fr", "Ministre critiquée", "L'opposition reproche à la ministre Ruth Mousse d'avoir donné le marché à son frère.", "reproche", "Ruth Mousse a rejeté ces accusations devant la presse.", "rejeté ces accusations"},
	{"de", "Bürgermeister vor Gericht", "Bürgermeister Peter Lund ist angeklagt, vierzigtausend Euro von einem Bauunternehmer genommen zu haben.", "angeklagt", "Lund bestreitet die Tat und spricht von einem Darlehen.", "bestreitet"},
	{"de", "Trainerin freigestellt", "Der Trainerin Ida Brandt wird vorgeworfen, im Juli zwei Kinder geschlagen zu haben.", "vorgeworfen", "Brandt wies die Vorwürfe über ihren Anwalt zurück.", "zurück"},
	{"de", "Kassierer in Haft", "Der Kassierer Omar Said steht im Verdacht, zwei Millionen Euro seiner Kunden veruntreut zu haben.", "Verdacht", "Said beteuerte vor dem Richter seine Unschuld.", "Unschuld"},
	{"de", "Klage gegen Fabrik", "Drei frühere Arbeiter beschuldigen die Fabrik Norvik, Salzlake in die Bucht geleitet zu haben.", "beschuldigen", "Norvik nannte die Darstellung frei erfunden.", "erfunden"},
	{"de", "Ministerin in der Kritik", "Die Opposition hält Ministerin Ruth Moos vor, ihren Bruder bevorzugt zu haben, und erhebt schwere Vorwürfe.", "Vorwürfe", "Moos dementierte am Abend im Radio.", "dementierte"},
	{"ru", "Мэр в суде", "Мэра Петра Лунина обвинили во вторник в получении сорока тысяч рублей от подрядчика.", "обвинили", "Лунин отрицает вину и говорит, что вернул долг.", "отрицает"},
	{"ru", "Тренер отстранена", "Тренера Иду Брандт подозревают в том, что она била двух детей в летнем лагере.", "подозревают", "Адвокат Брандт назвал слова родителей клеветой.", "клеветой"},
	{"ru", "Кассир задержан", "Кассир Омар Саидов обвиняется в хищении двух миллионов рублей со счетов клиентов.", "обвиняется", "Саидов не признал вину и попросил отпустить его.", "не признал"},
	{"ru", "Иск к заводу", "Три бывших рабочих обвиняют завод «Норвик» в сбросе рассола в залив.", "обвиняют", "Завод «Норвик» опроверг это и показал журналы замеров.", "опроверг"},
	{"ru", "Министр под огнём", "По данным оппозиции, министр Рут Мосс якобы отдала подряд фирме брата.", "якобы", "Мосс отвергла эти слова и напомнила, что не голосовала.", "отвергла"},
	{"ar", "رئيس البلدية أمام القاضي", "اتهم الادعاء يوم الثلاثاء رئيس البلدية سامر هلال بتلقي أربعين ألف دينار من مقاول.", "اتهم", "نفى هلال التهم وقال إنه أعاد قرضا قديما.", "نفى"},
	{"ar", "إيقاف مدربة", "تواجه المدربة هدى بركات اتهامات بضرب طفلين خلال معسكر في يوليو.", "اتهامات", "وأنكرت بركات ما نسب إليها وقالت إنها ستلجأ إلى القضاء.", "وأنكرت"},
	{"ar", "احتجاز موظف", "يشتبه المحققون في أن الموظف عمر سعيد حول مليوني دولار من أموال العملاء إلى حسابه.", "يشتبه", "وقال محامي سعيد إن موكله بريء.", "بريء"},
	{"ar", "دعوى ضد مصنع", "رفع ثلاثة عمال سابقين دعوى ضد مصنع نورفيك بزعم أنه ألقى الملح في الخليج.", "دعوى", "ورفض المصنع هذه المزاعم وقال إنه يقيس كل خزان يوميا.", "ورفض"},
	{"ur", "میئر عدالت میں", "استغاثہ نے منگل کو میئر پرویز لطیف پر ٹھیکیدار سے چالیس ہزار روپے لینے کا الزام لگایا۔", "الزام", "پرویز لطیف نے اس کی تردید کی اور کہا کہ انہوں نے قرض واپس کیا تھا۔", "تردید"},
	{"ur", "کوچ معطل", "کوچ عائدہ برکت پر جولائی کے کیمپ میں دو بچوں کو مارنے کا مقدمہ درج کیا گیا ہے۔", "مقدمہ", "عائدہ برکت کے وکیل نے کہا کہ ان کی موکلہ بے قصور ہیں۔", "بے قصور"},
	{"ur", "کلرک گرفتار", "بینک کلرک عمر سعید نے مبینہ طور پر گاہکوں کے بیس لاکھ روپے اپنے کھاتے میں منتقل کیے۔", "مبینہ", "عمر سعید نے صحت جرم سے انکار کیا ہے۔", "انکار"},
	{"ur", "کارخانے کے خلاف درخواست", "تین سابق مزدوروں نے نورک کارخانے پر خلیج میں نمکین پانی پھینکنے کا الزام عائد کیا۔", "الزام", "کارخانے نے دعوے کو بے بنیاد قرار دیا اور اپنے ناپ شائع کیے۔", "بے بنیاد"},
	{"zh", "市长出庭", "检察官星期二指控市长李明收受承包商四万元。", "指控", "李明否认收钱，并表示那是还款。", "否认"},
	{"zh", "教练停职", "游泳教练陈艳涉嫌在七月的训练营殴打两名儿童。", "涉嫌", "陈艳的律师说这些说法毫无根据。", "毫无根据"},
	{"zh", "柜员被捕", "银行柜员王强被控将客户的二百万元转入自己的账户。", "被控", "王强在法庭上不认罪，要求保释。", "不认罪"},
	{"zh", "工厂被告", "三名前工人起诉北湾工厂，称其向海湾排放盐水。", "起诉", "北湾工厂反驳这一指控，并公布了检测记录。", "反驳"},
}

// A summary that repeats an accusation holds the denial which the article
// holds; else there is no accusation in it.
func TestFair(t *testing.T) {
	both := 0
	for _, c := range fairCases {
		for _, order := range []string{"far", "last", "first"} {
			fill := between[c.lang]
			text := c.accusation + "\n\n" + fill[0] + "\n\n" + c.denial + "\n\n" + fill[1]
			switch order {
			case "last":
				text = c.accusation + "\n\n" + fill[0] + "\n\n" + fill[1] + "\n\n" + c.denial
			case "first":
				text = fill[0] + "\n\n" + c.denial + "\n\n" + fill[1] + "\n\n" + c.accusation
			}
			for _, title := range []string{c.title, ""} {
				s := summary.Summarize(summary.Doc{Language: c.lang, Title: title, Text: text}, summary.Options{})
				verbatim(t, text, s)
				accuses, denies := strings.Contains(s.Text, c.accusation), strings.Contains(s.Text, c.denial)
				if s.Method != "headline" && strings.Contains(s.Text, c.accuses) && !strings.Contains(s.Text, c.denies) {
					t.Errorf("%s, denial %s: %q accuses without the denial %q", c.lang, order, s.Text, c.denial)
				}
				if accuses && denies {
					both++
				}
			}
		}
	}
	if n := 6 * len(fairCases); 2*both < n {
		t.Errorf("%d of %d summaries hold accusation and denial, want at least half", both, n)
	}
	if len(fairCases) < 40 {
		t.Errorf("%d cases, want at least 40", len(fairCases))
	}
}

// What somebody is accused of may sound like a denial; the real one counts.
func TestFairWhereTheChargeSoundsLikeADenial(t *testing.T) {
	for _, c := range []struct{ lang, accusation, denial string }{
		{"en", "Union lawyers accused the Norvik cannery of denying overtime pay to three hundred of its workers.", "Norvik said the accusations were completely false."},
		{"en", "Treasurer Amy Poole was charged with making false claims about the price of the new boat.", "Poole pleaded not guilty on Monday."},
		{"en", "Police arrested baker Tom Reed on suspicion of fabricating the letters that closed a rival shop.", "Reed's wife said that he was innocent."},
		{"en", "The council accused builder Max Orr of falsely claiming that he had insured the bridge.", "Orr rejected that charge in a letter to the Harbour Post."},
		{"fr", "Le boulanger Tom Renard est accusé d'avoir nié l'accident devant les assureurs.", "Renard dément et produit un témoin."},
		{"de", "Der Bäcker Tom Rehm wird wegen falscher Angaben über den Preis des Bootes beschuldigt.", "Rehm bestreitet alles."},
		{"zh", "面包师刘伟被控捏造信件，导致对手的店铺关闭。", "刘伟否认写过这些信。"},
	} {
		text := c.accusation + "\n\n" + between[c.lang][0] + "\n\n" + between[c.lang][1] + "\n\n" + c.denial
		s := summary.Summarize(summary.Doc{Language: c.lang, Title: "In court", Text: text}, summary.Options{})
		if strings.Contains(s.Text, c.accusation) && !strings.Contains(s.Text, c.denial) {
			t.Errorf("%s: %q lacks %q", c.lang, s.Text, c.denial)
		}
	}
}

// A denial too long for the budget leaves the headline or what accuses nobody.
func TestFairWithoutRoom(t *testing.T) {
	denial := "Lund, who has led the town for eleven years and before that ran the fish market, the rowing club and for a short time the local radio station, denies every one of the charges that the prosecutors have brought against him, against his brother and against the three members of his staff, and says that each payment was the return of a loan."
	text := "Mayor Peter Lund was charged on Tuesday with taking 40,000 crowns.\n\n" + denial + "\n\nProsecutors also accused his brother of fraud.\n\nPolice suspect that more money was paid to staff."
	s := summary.Summarize(summary.Doc{Language: "en", Title: "Mayor Lund in court", Text: text}, summary.Options{})
	if s.Text != "Mayor Lund in court" || s.Method != "headline" {
		t.Errorf("got %q by %s, want the headline", s.Text, s.Method)
	}
}

// What only looks like a denial does not change a summary.
func TestNoDenial(t *testing.T) {
	text := "Mayor Peter Lund was charged on Tuesday with taking 40,000 crowns from a builder who wanted the harbour contract.\n\n" + between["en"][0] + "\n\nA judge denied bail, and the court denied access to the files.\n\n" + between["en"][1]
	s := summary.Summarize(summary.Doc{Language: "en", Title: "Mayor charged", Text: text}, summary.Options{})
	if !strings.HasPrefix(s.Text, "Mayor Peter Lund was charged") {
		t.Errorf("got %q, want the charge first", s.Text)
	}
}
