package summary_test

import (
	"strings"
	"testing"

	"pressrun/digest/summary"
)

// One report in nine languages: the news first, then a sentence that hangs on
// it, background, a question, and what belongs to the page.
var reports = []struct{ lang, title, lede, hangs, more, question, page string }{
	{"en", "Harbour ice traps three ferries", "Ice trapped three ferries with 210 passengers in the harbour of Corran on Monday night, the coast guard said.", "But they were all well.", "An icebreaker from the mainland freed the ships at noon on Tuesday after eleven hours of work.", "Will it freeze again?", "Read more: our pictures of the ice."},
	{"es", "El hielo atrapa tres transbordadores", "El hielo atrapó el lunes por la noche tres transbordadores con 210 pasajeros en el puerto de Corran, informó la guardia costera.", "Pero todos estaban bien.", "Un rompehielos llegado del continente liberó los barcos el martes a mediodía tras once horas de trabajo.", "¿Volverá a helar?", "Lea también: las fotos del hielo."},
	{"fr", "La glace bloque trois ferries", "La glace a bloqué lundi soir trois ferries et leurs 210 passagers dans le port de Corran, selon les garde-côtes.", "Mais ils allaient tous bien.", "Un brise-glace venu du continent a libéré les navires mardi à midi après onze heures de travail.", "Va-t-il geler encore ?", "Lire aussi : les photos de la glace."},
	{"de", "Eis hält drei Fähren fest", "Im Hafen von Corran hat das Eis am Montagabend drei Fähren mit 210 Passagieren eingeschlossen, wie die Küstenwache mitteilte.", "Aber sie waren alle wohlauf.", "Ein Eisbrecher vom Festland befreite die Schiffe am Dienstagmittag nach elf Stunden Arbeit.", "Friert es wieder?", "Lesen Sie auch: unsere Bilder vom Eis."},
	{"ru", "Лёд запер три парома", "Лёд запер в понедельник вечером три парома с 210 пассажирами в гавани Коррана, сообщила береговая охрана.", "Но они все здоровы.", "Ледокол с материка освободил суда во вторник в полдень после одиннадцати часов работы.", "Будет ли снова мороз?", "Читайте также: наши снимки льда."},
	{"ar", "الجليد يحاصر ثلاث عبارات", "حاصر الجليد ثلاث عبارات على متنها 210 ركاب في ميناء كوران مساء الاثنين، بحسب خفر السواحل.", "لكنهم كانوا جميعا بخير.", "وحررت كاسحة جليد قادمة من البر الرئيسي السفن ظهر الثلاثاء بعد إحدى عشرة ساعة من العمل.", "هل سيتجمد الميناء مرة أخرى؟", "اقرأ أيضا: صور الجليد."},
	{"ur", "برف نے تین کشتیاں روک لیں", "ساحلی محافظوں کے مطابق پیر کی رات کوران کی بندرگاہ میں برف نے 210 مسافروں سمیت تین کشتیاں روک لیں۔", "لیکن وہ سب خیریت سے تھے۔", "خشکی سے آنے والے برف شکن جہاز نے گیارہ گھنٹے کام کے بعد منگل کی دوپہر کشتیوں کو آزاد کرایا۔", "کیا بندرگاہ پھر جمے گی؟", "مزید پڑھیں: برف کی تصاویر۔"},
	{"vi", "Băng giữ ba chuyến phà", "Tối thứ hai, băng đã giữ ba chuyến phà chở 210 hành khách tại cảng Corran, lực lượng tuần duyên cho biết.", "Tuy nhiên họ đều khoẻ mạnh.", "Một tàu phá băng từ đất liền đã giải cứu các chuyến phà vào trưa thứ ba sau mười một giờ làm việc.", "Cảng có đóng băng nữa không?", "Xem thêm: hình ảnh cảng đóng băng."},
	{"zh", "海冰困住三艘渡轮", "海岸警卫队说，海冰星期一晚上把载有二百一十名乘客的三艘渡轮困在科兰港。", "但他们都很好。", "一艘来自大陆的破冰船经过十一个小时的工作，在星期二中午救出了船只。", "港口还会结冰吗？", "点击查看更多冰港照片。"},
}

func TestLanguages(t *testing.T) {
	for _, c := range reports {
		fill, ok := between[c.lang]
		if !ok { // Vietnamese
			fill = [2]string{"Thành phố có khoảng chín nghìn dân và nằm ở cửa sông. Chợ họp mỗi tuần hai lần và thu hút nông dân của cả thung lũng.", "Cuộc họp tiếp theo của hội đồng dự kiến diễn ra vào tuần thứ hai của tháng ba. Khách có thể đăng ký qua điện thoại cho đến tối hôm trước."}
		}
		text := c.lede + " " + c.hangs + "\n\n" + fill[0] + " " + c.question + "\n\n" + c.more + " " + fill[1] + "\n\n" + c.page
		s := summary.Summarize(summary.Doc{Language: c.lang, Title: c.title, Text: text}, summary.Options{})
		verbatim(t, text, s)
		if !strings.HasPrefix(s.Text, c.lede) {
			t.Errorf("%s: %q does not begin with the news", c.lang, s.Text)
		}
		for _, no := range []string{c.question, c.page} {
			if strings.Contains(s.Text, no) {
				t.Errorf("%s: %q holds %q", c.lang, s.Text, no)
			}
		}
		if summary.Words(s.Text) > 60 || s.Method != "extract" {
			t.Errorf("%s: %d words by %s", c.lang, summary.Words(s.Text), s.Method)
		}
		// Without its predecessor, what hangs on it is never printed.
		s = summary.Summarize(summary.Doc{Language: c.lang, Title: c.title, Text: text}, summary.Options{Avoid: []string{c.lede}})
		if strings.Contains(s.Text, c.hangs) || s.Text == "" {
			t.Errorf("%s: %q holds %q without its predecessor", c.lang, s.Text, c.hangs)
		}
	}
}
