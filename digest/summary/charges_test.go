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
