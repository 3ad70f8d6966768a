package summary

import "testing"

// The words of an accusation and of a denial are known in every language; the
// names are invented.
func TestCharges(t *testing.T) {
	for lang, list := range map[string][]string{
		"en": {"Lund insists he is innocent.", "Lund has rejected any suggestion that he took money.", "Lund said he had acted lawfully.", "Lund vowed to clear his name.", "Lund called it a lie.", "Lund dismissed the allegations as rubbish.", "Lund says it did not happen.", "Lund strongly disputes the account.", "Lund disputes this.", "\"I did not do it,\" Lund said.", "\"It's not true,\" Lund said.", "Lund has always maintained that he acted properly.", "Lund pleaded innocent.", "His lawyer said there was no evidence for the claims.", "Lund said that the money was never taken.", "Lund has vigorously contested the charges.", "Lund said he never took any money.", "The company said the lawsuit is without merit and will defend itself vigorously.", "Lund's spokesman branded the claims \"completely untrue\".", "Lund said he had done no wrong.", "Lund has protested his innocence.", "Lund said he did nothing illegal.", "Lund shrugged off the accusations.", "Lund hit back at the claims.", "Lund maintains he did not take bribes.", "Lund repudiated the charge.", "Lund decried the case as a witch-hunt.", "Lund says he was framed.", "Lund professed his innocence.", "Lund will plead not guilty.", "Lund has said he is not guilty.", "He said the accusations against him were politically motivated.", "Lund categorically denied it.", "Lund, who denies wrongdoing, said nothing."},
		"es": {"Luna se declaró inocente.", "Luna aseguró que no cometió ningún delito.", "Luna tachó de falsas las acusaciones.", "Luna rechaza haber cobrado.", "Luna dijo que es mentira.", "Luna sostuvo que todo es falso.", "Luna lo negó.", "Luna insistió en su inocencia."},
		"fr": {"Lune se dit innocent.", "Lune réfute les accusations.", "Lune assure n'avoir rien fait d'illégal.", "Lune a nié les faits.", "Lune a qualifié ces accusations de mensongères.", "Son avocat a plaidé la relaxe.", "Lune affirme n'avoir rien à se reprocher.", "Lune rejette ces allégations."},
		"de": {"Lund weist die Vorwürfe zurück.", "Lund bestritt die Tat.", "Lund nannte die Anschuldigungen falsch.", "Lund plädierte auf nicht schuldig.", "Lund streitet alles ab.", "Lund hält die Vorwürfe für haltlos.", "Lund sagte, er sei unschuldig.", "Lund sagte, er habe nichts falsch gemacht."},
		"ru": {"Лунин вину не признаёт.", "Лунин назвал обвинения ложью.", "Лунин заявил о своей невиновности.", "Лунин не признал себя виновным.", "Лунин отверг обвинения.", "Лунин считает дело сфабрикованным.", "Адвокат назвал обвинения необоснованными.", "Лунин отрицал это."},
		"ar": {"ونفى هلال الاتهامات الموجهة إليه.", "وأكد هلال أنه بريء.", "ووصف هلال الاتهامات بأنها باطلة.", "ورفض هلال الاتهامات.", "وقال هلال إن المزاعم لا أساس لها.", "ودفع هلال ببراءته.", "وينفي هلال ذلك.", "وكذب هلال هذه الادعاءات."},
		"ur": {"لطیف نے الزامات مسترد کر دیے۔", "لطیف نے الزامات کو بے بنیاد قرار دیا۔", "لطیف نے کہا کہ وہ بے گناہ ہیں۔", "لطیف نے الزامات کی تردید کی۔", "لطیف نے صحت جرم سے انکار کیا۔", "لطیف نے الزامات کو جھوٹ قرار دیا۔", "لطیف نے الزام ماننے سے انکار کر دیا۔"},
		"zh": {"李明否认指控。", "李明称指控不实。", "李明坚称自己无辜。", "李明表示自己是清白的。", "李明驳斥了这些指控。", "李明拒绝认罪。", "李明说自己没有收钱。", "律师称这些指控是捏造的。"},
	} {
		for _, s := range list {
			if _, d := chargesFor(lang).judge(s); !d {
				t.Errorf("%s: no denial in %q", lang, s)
			}
		}
	}
	for lang, list := range map[string][]string{
		"en": {"Lund was arrested on suspicion of murder.", "Police believe Lund killed her.", "Lund faces a charge of theft.", "Lund allegedly took money.", "Lund stands accused of theft.", "Prosecutors claim Lund stole it.", "Lund was arrested after the killing.", "Lund is under investigation for bribery.", "Lund is being investigated over the payments.", "A woman claims that Lund assaulted her.", "Lund is being sued.", "Lund was named as a suspect.", "Lund has been blamed for the crash.", "Lund is facing trial for murder.", "Lund was arraigned on Monday.", "Lund was detained on corruption charges.", "The charge against Lund is theft."},
		"es": {"Luna fue imputado.", "La policía acusa a Luna.", "Luna habría cobrado dinero.", "El supuesto ladrón huyó.", "Luna fue detenido por robo.", "Luna está siendo investigado por fraude.", "Le acusan de robo."},
		"fr": {"Lune est soupçonné de vol.", "Lune aurait volé l'argent.", "Lune est accusée de vol.", "Le procureur l'accuse de vol.", "Lune est poursuivie en justice.", "Lune a été inculpé.", "Lune est jugé pour vol."},
		"de": {"Lund soll das Geld gestohlen haben.", "Dem Mann wird Betrug vorgeworfen.", "Lund steht unter Verdacht.", "Gegen Lund wird ermittelt.", "Lund ist wegen Betrugs angeklagt.", "Die Staatsanwaltschaft wirft Lund Betrug vor.", "Der mutmaßliche Täter floh.", "Lund wurde des Betrugs bezichtigt."},
		"ru": {"Лунина подозревают в краже.", "Лунину предъявили обвинение.", "Лунин обвиняется в краже.", "Против Лунина возбуждено дело.", "Лунин якобы взял деньги.", "Лунина задержали по подозрению в краже."},
		"ar": {"اتهمت النيابة هلال بالسرقة.", "يواجه هلال تهمة السرقة.", "وجهت إليه تهم فساد.", "المتهم هلال في السجن.", "يزعم أنه سرق المال.", "أحيل هلال إلى المحاكمة."},
		"ur": {"لطیف پر چوری کا الزام ہے۔", "لطیف نے مبینہ طور پر چوری کی۔", "ملزم لطیف گرفتار۔", "لطیف پر فرد جرم عائد کی گئی۔", "لطیف کے خلاف مقدمہ درج ہوا۔"},
		"zh": {"李明被指控受贿。", "李明涉嫌受贿。", "李明被起诉。", "李明遭到指责。", "警方怀疑李明偷钱。", "李明因涉嫌盗窃被捕。", "李明被指偷钱。"},
	} {
		for _, s := range list {
			if a, _ := chargesFor(lang).judge(s); !a {
				t.Errorf("%s: no accusation in %q", lang, s)
			}
		}
	}
	for lang, list := range map[string][]string{
		"en": {"The judge denied bail.", "Lund was denied entry.", "Innocent people were hurt.", "The police would neither confirm nor deny the report.", "The court denied the request.", "There was nothing wrong with the brakes.", "Lund declined to comment.", "Union lawyers accused the cannery of denying overtime pay.", "Lund was charged with making false claims about the price.", "Lund was accused of telling a lie to the court."},
		"es": {"El juez negó la libertad a Luna.", "Luna se negó a declarar.", "Luna no hizo comentarios."},
		"fr": {"Lune ne conteste pas les faits.", "Lune est accusé d'avoir nié l'accident.", "La mairie n'a pas commenté."},
		"de": {"Lund wollte sich nicht äußern.", "Lund bestritt nicht, dort gewesen zu sein."},
		"ru": {"Лунин не отрицал этого.", "Лунин отказался от комментариев."},
		"ar": {"تنفيذ المشروع يبدأ غدا.", "رفض هلال التعليق."},
		"ur": {"لطیف نے بات نہیں کی۔"},
		"zh": {"李明没有否认。", "李明没有回应。"},
	} {
		for _, s := range list {
			if _, d := chargesFor(lang).judge(s); d {
				t.Errorf("%s: %q is taken for a denial", lang, s)
			}
		}
	}
}

// What a second sitting found; written before the lists were looked at again.
func TestMoreCharges(t *testing.T) {
	for lang, list := range map[string][]string{
		"en": {"Marsh says he has never placed a bet in his life.", "Frost called the claims a complete fantasy.", "Baltic Ferries said it had broken no rules.", "Dell's lawyer said nothing of the sort had ever occurred.", "Stam told the court he had no idea what was in the crates.", "\"This is a smear,\" the brother said.", "Her office called the probe a political stunt.", "The airline said it had complied with the law at all times.", "Marsh insisted that he had followed the rules.", "Dell said the woman was lying.", "The company said the report was riddled with errors.", "Moss's lawyers said there is no case to answer.", "Stam said he was not there.", "\"We did nothing of the kind,\" the director said.", "The bank said it would defend itself against the suit.", "Frost vowed to fight the charges.", "Orr said he had been set up.", "She told police that it was an accident.", "The firm rejects these accusations in the strongest terms.", "He said the allegations had no foundation.", "Marsh claimed self-defence.", "The club disputed the findings.", "Officials in Avar said the charge was fabricated.", "The ministry dismissed the report as propaganda.", "Falk said she knew nothing about the payments.", "Hale has consistently said that he acted in good faith.", "His family says he is being made a scapegoat."},
		"es": {"Luna dijo que nunca tocó ese dinero.", "La empresa sostiene que cumplió la ley.", "El abogado afirmó que no hay pruebas contra su cliente.", "Luna calificó la denuncia de montaje.", "La alcaldesa aseguró que todo se hizo conforme a la ley.", "Luna se declaró no culpable.", "La ministra rechazó las acusaciones.", "Luna mantiene que es inocente.", "\"Jamás he cobrado un euro\", dijo Luna.", "El club negó cualquier irregularidad.", "Luna dijo que se trata de una campaña de desprestigio.", "La defensa alegó que no estaba allí.", "Luna atribuyó las acusaciones a una venganza política.", "Luna se desvinculó de los hechos."},
		"fr": {"Lune affirme n'avoir jamais touché cet argent.", "L'entreprise assure avoir respecté la loi.", "Son avocat dénonce un dossier vide.", "Lune parle d'un complot.", "La maire soutient que tout était légal.", "Lune plaide non coupable.", "La ministre rejette en bloc ces accusations.", "Lune se défend de toute irrégularité.", "\"Je n'ai rien fait\", a dit Lune.", "Le club a démenti toute malversation.", "Lune dénonce une campagne de diffamation.", "Lune dit ne pas être au courant.", "La société récuse ces affirmations.", "Lune crie à la machination."},
		"de": {"Lund sagte, er habe das Geld nie angerührt.", "Die Firma erklärte, sie habe sich an das Gesetz gehalten.", "Sein Anwalt sprach von einer Kampagne.", "Lund sagt, an den Vorwürfen sei nichts dran.", "Die Ministerin wies die Anschuldigungen entschieden zurück.", "Lund will sich gegen die Vorwürfe wehren.", "\"Das ist eine Lüge\", sagte Lund.", "Der Verein stritt jede Beteiligung ab.", "Lund will von den Zahlungen nichts gewusst haben.", "Lund sieht sich als Opfer einer Intrige.", "Die Bank hält die Klage für unbegründet.", "Lund beteuert, unschuldig zu sein.", "Die Verteidigung forderte Freispruch.", "Lund spricht von Verleumdung."},
		"ru": {"Лунин заявил, что никогда не брал этих денег.", "Компания утверждает, что соблюдала закон.", "Адвокат назвал дело политическим.", "Лунин говорит, что его оклеветали.", "Мэр считает обвинения абсурдными.", "Лунин настаивает на своей невиновности.", "Министр опровергла эти сообщения.", "Лунин не согласился с обвинением.", "«Это ложь», — сказал Лунин.", "Клуб отрицает любые нарушения.", "Лунин заявил, что дело сфабриковано.", "Лунин утверждает, что его подставили.", "Защита просит оправдать Лунина.", "Виновным себя Лунин не считает."},
		"ar": {"وقال هلال إنه لم يأخذ أي مال.", "وأكدت الشركة أنها التزمت بالقانون.", "ووصف المحامي القضية بأنها سياسية.", "وقال هلال إنه ضحية مؤامرة.", "وأكدت الوزيرة أن كل شيء تم وفق القانون.", "ونفت البلدية أي مخالفات.", "ورفضت الوزيرة الاتهامات جملة وتفصيلا.", "وتمسك هلال ببراءته.", "وقال هلال: هذا كذب.", "وأنكر النادي أي تورط.", "وقال هلال إن الاتهامات ملفقة.", "واعتبر هلال الاتهامات باطلة ولا أساس لها من الصحة.", "ونفى المتحدث صحة هذه الأنباء.", "وقال إنه لا علاقة له بالأمر."},
		"ur": {"لطیف نے کہا کہ انہوں نے کبھی کوئی رقم نہیں لی۔", "کمپنی کا کہنا ہے کہ اس نے قانون پر عمل کیا۔", "وکیل نے مقدمے کو سیاسی انتقام قرار دیا۔", "لطیف نے الزامات کو من گھڑت کہا۔", "میئر نے کہا کہ الزامات میں کوئی صداقت نہیں۔", "وزیر نے الزامات کی سختی سے تردید کی۔", "لطیف نے خود کو بے گناہ قرار دیا۔", "لطیف نے کہا کہ یہ جھوٹ ہے۔", "کلب نے ملوث ہونے سے انکار کیا۔", "لطیف نے الزامات کو سازش قرار دیا۔", "ترجمان نے ان خبروں کو بے بنیاد قرار دیا۔", "لطیف نے کہا کہ ان کا اس معاملے سے کوئی تعلق نہیں۔", "لطیف نے الزامات رد کر دیے۔"},
		"zh": {"李明说他从未拿过这笔钱。", "公司称其一直遵守法律。", "律师表示此案纯属诬告。", "李明称自己是被陷害的。", "市长说一切合法。", "李明坚决否认。", "部长斥责这些指控是谎言。", "李明强调自己与此事无关。", "“这不是真的，”李明说。", "俱乐部否认有任何违规行为。", "李明称报道是诽谤。", "李明喊冤。", "辩方作无罪辩护。", "李明说自己毫不知情。"},
	} {
		for _, s := range list {
			if _, d := chargesFor(lang).judge(s); !d {
				t.Errorf("%s: no denial in %q", lang, s)
			}
		}
	}
	for lang, list := range map[string][]string{
		"en": {"Detectives believe that Marsh ran the illegal betting ring.", "A whistleblower claims that Frost falsified waiting lists.", "The regulator fined Baltic Ferries for price fixing.", "Two women told the paper that chef Dell groped them.", "Her ex-husband goes on trial for threatening the judge.", "The union says the airline is guilty of union-busting.", "An inquiry found Brandt guilty of bullying.", "The senator is being probed over undeclared gifts.", "Police detained Stam over the fire.", "Orr was charged over the crash.", "Investigators linked Voss to the theft.", "Activists accuse the mine of poisoning the river.", "He was convicted of fraud in March.", "Prosecutors want Lund jailed for bribery.", "Police want to question Lund over the killing.", "She blamed the driver for the deaths.", "The teacher was suspended over claims that he hit a pupil.", "The watchdog is investigating the bank for money laundering."},
		"es": {"La policía detuvo a Luna por estafa.", "La fiscalía investiga a la alcaldesa por malversación.", "Luna irá a juicio por fraude.", "Una exempleada denuncia acoso por parte de Luna.", "El juez imputa a Luna un delito de cohecho.", "Luna fue condenado por robo.", "Señalan a Luna como responsable del vertido.", "Le atribuyen el asesinato de dos personas."},
		"fr": {"La police a interpellé Lune pour escroquerie.", "Lune est visé par une enquête pour corruption.", "Lune comparaît pour fraude.", "Une ancienne employée accuse Lune de harcèlement.", "Lune a été placé en garde à vue.", "Lune a été condamné pour vol.", "Le parquet a ouvert une enquête contre Lune.", "Lune est renvoyé devant le tribunal pour fraude."},
		"de": {"Die Polizei nahm Lund wegen Betrugs fest.", "Die Staatsanwaltschaft ermittelt gegen die Bürgermeisterin.", "Lund muss sich wegen Betrugs vor Gericht verantworten.", "Eine frühere Mitarbeiterin beschuldigt Lund der Belästigung.", "Lund steht vor Gericht.", "Lund wurde wegen Diebstahls verurteilt.", "Gegen Lund wurde Anzeige erstattet.", "Lund wird Untreue zur Last gelegt."},
		"ru": {"Полиция задержала Лунина за мошенничество.", "Следователи проверяют мэра на взятки.", "Лунина судят за кражу.", "Бывшая сотрудница обвинила Лунина в домогательствах.", "Лунин стал фигурантом дела.", "Лунина осудили за кражу.", "На Лунина завели уголовное дело.", "Лунина признали виновным в краже."},
		"ar": {"أوقفت الشرطة هلال بتهمة الاحتيال.", "تحقق النيابة مع رئيسة البلدية.", "يمثل هلال أمام المحكمة بتهمة السرقة.", "اتهمت موظفة سابقة هلال بالتحرش.", "أدين هلال بالسرقة.", "ألقت الشرطة القبض على هلال للاشتباه في الاحتيال.", "رفعت الشركة دعوى ضد هلال.", "تلاحق النيابة هلال قضائيا."},
		"ur": {"پولیس نے لطیف کو دھوکہ دہی کے الزام میں گرفتار کیا۔", "نیب میئر کے خلاف تحقیقات کر رہا ہے۔", "لطیف پر رشوت کا مقدمہ چل رہا ہے۔", "سابق ملازمہ نے لطیف پر ہراسانی کا الزام لگایا۔", "لطیف کو چوری کا مجرم قرار دیا گیا۔", "پولیس کو لطیف پر قتل کا شبہ ہے۔"},
		"zh": {"警方以诈骗罪名逮捕李明。", "检方正在调查市长。", "李明因诈骗受审。", "一名前雇员指控李明骚扰。", "李明被判盗窃罪成立。", "李明被立案侦查。", "监管机构起诉该银行洗钱。", "李明被举报受贿。"},
	} {
		for _, s := range list {
			if a, _ := chargesFor(lang).judge(s); !a {
				t.Errorf("%s: no accusation in %q", lang, s)
			}
		}
	}
}
