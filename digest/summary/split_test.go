package summary_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"pressrun/digest/summary"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, lang, text string
		want             []string
	}{
		{"abbreviations", "en", "Mr. Smith of the U.S. Senate met Dr. J. R. Hale at 5 p.m. on Monday. He left.", []string{"Mr. Smith of the U.S. Senate met Dr. J. R. Hale at 5 p.m. on Monday.", "He left."}},
		{"end after an abbreviation", "en", "It opened at 5 p.m. The band played in the U.S. They stayed.", []string{"It opened at 5 p.m.", "The band played in the U.S.", "They stayed."}},
		{"numbers and hosts", "en", "It cost 3.5 million at example.org. Version 2.0 came later.", []string{"It cost 3.5 million at example.org.", "Version 2.0 came later."}},
		{"closing quotes", "en", `"It works," she said. "It always did." Nobody asked.`, []string{`"It works," she said.`, `"It always did."`, `Nobody asked.`}},
		{"question in a quote", "en", `"Is it safe?" she asked. "Yes!" he said.`, []string{`"Is it safe?" she asked.`, `"Yes!" he said.`}},
		{"misplaced opening quote", "en", `The minister promised safety." Two men came," the guard said. "Both left."`, []string{`The minister promised safety.`, `" Two men came," the guard said.`, `"Both left."`}},
		{"lost space", "en", "The judge signed the order.Another judge did not.", []string{"The judge signed the order.", "Another judge did not."}},
		{"mark inside a word", "en", "The video came on?Tuesday from Yahoo!, Inc. today.", []string{"The video came on?Tuesday from Yahoo!, Inc. today."}},
		{"wrapped line", "en", "The bridge is\nclosed today. Cars wait.\n\nA new paragraph", []string{"The bridge is\nclosed today.", "Cars wait.", "A new paragraph"}},
		{"German", "de", "Am 3. Oktober kamen ca. 200 Gäste, u. a. Dr. Weiß. Sie blieben z. B. bis Mitternacht.", []string{"Am 3. Oktober kamen ca. 200 Gäste, u. a. Dr. Weiß.", "Sie blieben z. B. bis Mitternacht."}},
		{"French", "fr", "M. Dupont a salué Mme. Roy à Paris. « C'est fini », a-t-il dit.", []string{"M. Dupont a salué Mme. Roy à Paris.", "« C'est fini », a-t-il dit."}},
		{"Spanish", "es", "El Sr. Gómez llegó. ¿Vino solo? No lo dijo.", []string{"El Sr. Gómez llegó.", "¿Vino solo?", "No lo dijo."}},
		{"Russian", "ru", "В 2024 г. А. С. Иванов купил дом на ул. Ленина. Он заплатил 3 млн руб. наличными.", []string{"В 2024 г. А. С. Иванов купил дом на ул. Ленина.", "Он заплатил 3 млн руб. наличными."}},
		{"numbers of houses", "en", "It stood in front of Nos. 12-14, Reps. Ames and Cole said. Nobody was in.", []string{"It stood in front of Nos. 12-14, Reps. Ames and Cole said.", "Nobody was in."}},
		{"German number at the end", "de", "Betroffen sind die RB 26 und die RE 17. Es fahren Busse bis zum 3. Mai.", []string{"Betroffen sind die RB 26 und die RE 17.", "Es fahren Busse bis zum 3. Mai."}},
		{"Russian sum at the end", "ru", "Компанию оценили в 200 млрд. Теперь она займет 15 млн руб. Ставка в 5 тыс. рублей и 30 коп. не изменится.", []string{"Компанию оценили в 200 млрд.", "Теперь она займет 15 млн руб.", "Ставка в 5 тыс. рублей и 30 коп. не изменится."}},
		{"Vietnamese", "vi", "Công an TP. HCM bắt hai người. PGS. TS Trần Văn A cho biết.", []string{"Công an TP. HCM bắt hai người.", "PGS. TS Trần Văn A cho biết."}},
		{"Arabic", "ar", "وصل الوزير إلى القاهرة. هل سيبقى؟ لا أحد يعلم.", []string{"وصل الوزير إلى القاهرة.", "هل سيبقى؟", "لا أحد يعلم."}},
		{"Urdu", "ur", "وزیر اعظم لاہور پہنچے۔ کیا وہ رکیں گے؟ معلوم نہیں۔", []string{"وزیر اعظم لاہور پہنچے۔", "کیا وہ رکیں گے؟", "معلوم نہیں۔"}},
		{"Chinese", "zh", "大桥昨天通车。市长说：“我们等了两年。”市民很高兴！", []string{"大桥昨天通车。", "市长说：“我们等了两年。”", "市民很高兴！"}},
		{"Hindi", "hi", "पुल खुल गया। लोग खुश हैं।", []string{"पुल खुल गया।", "लोग खुश हैं।"}},
		{"Hindi sum", "hi", "लागत 1.2 करोड़ रु. है। प्रो. शर्मा खुश हैं।", []string{"लागत 1.2 करोड़ रु. है।", "प्रो. शर्मा खुश हैं।"}},
		{"Polish sum at the end", "pl", "Straty wynoszą 1,2 mln zł. Naprawa potrwa rok.", []string{"Straty wynoszą 1,2 mln zł.", "Naprawa potrwa rok."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range summary.Split(c.lang, c.text) {
				got = append(got, c.text[s[0]:s[1]])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

// FuzzSplit: spans are in order, inside the text, not empty, and cut no
// character in two.
func FuzzSplit(f *testing.F) {
	f.Add("en", ferry)
	f.Add("zh", "大桥昨天通车。市长说：“好。”")
	f.Add("vi", "a.\" B\".\n\n\"c. D?E\u2028 f!\" , g")
	f.Fuzz(func(t *testing.T, lang, text string) {
		last := 0
		for _, s := range summary.Split(lang, text) {
			if s[0] < last || s[1] <= s[0] || s[1] > len(text) {
				t.Fatalf("span %v after %d in %d bytes", s, last, len(text))
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[s[0]:s[1]]) {
				t.Fatalf("span %v cuts a character", s)
			}
			last = s[1]
		}
	})
}
