package article

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestFurnitureLines: every line of the list, alone, finds its example.
func TestFurnitureLines(t *testing.T) {
	seen := map[string]int{}
	for i, line := range strings.Split(furnitureText, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f, err := readFurniture(line)
		if err != nil {
			t.Errorf("line %d: %v", i+1, err)
			continue
		}
		fields := strings.Split(line, "\t")
		action, pattern, example := fields[0], fields[2], fields[3]
		if before, again := seen[action+"\t"+pattern]; again {
			t.Errorf("line %d repeats line %d: %s %s", i+1, before, action, pattern)
		}
		seen[action+"\t"+pattern] = i + 1
		if !f.finds(action, example) {
			t.Errorf("line %d: %s %q does not find %q", i+1, action, pattern, example)
		}
	}
}

// finds applies the one pattern that the list holds.
func (f *furnitureList) finds(action, example string) bool {
	text := folded(example)
	switch action {
	case "box":
		return f.judge(example) == strong
	case "class":
		return f.judge(example) == weak
	case "keep":
		return f.judge(example) == keep
	case "line":
		return f.lines.match(text)
	case "end":
		return f.ends.match(text)
	case "nobody":
		return f.nobodies.match(text)
	case "label":
		_, ok := f.labels.prefix(text)
		return ok || f.labels.match(text)
	case "by":
		rest, ok := f.bylines.prefix(text)
		return ok && rest != ""
	case "stamp":
		return f.stamps[strings.Fields(example)[0]]
	case "role":
		words := strings.Fields(strings.ToLower(example))
		return f.roles[words[len(words)-1]]
	}
	return false
}

// TestFurnitureSparesNews: ordinary sentences of news are not furniture, however
// much they begin like it.
func TestFurnitureSparesNews(t *testing.T) {
	for _, s := range []string{
		"Read more than one newspaper a day, the teacher told her class, and you will never be bored.",
		"Related costs rose by a tenth, the ministry said.",
		"Share prices fell in early trading on Monday.",
		"Follow the river for two miles and you come to the mill, said Petra Lind.",
		"Advertisement spending fell for the third year in a row.",
		"By Monday the water had reached the second step of the church.",
		"Photos of the damage were shown to the court.",
		"Image matters more than it used to in local politics, he said.",
		"Subscribe to that view and you will be disappointed, the judge said.",
		"Reporting rules for small firms will be relaxed next year.",
		"Copyright law does not cover recipes, the court found.",
		"Comments by the minister were met with laughter.",
		"Related: that was the word the witness used twice.",
		"Watch: that was all the sign said.",
		"More than 2,000 people signed the petition.",
		"Listen to the recording and you will hear three voices, the expert said.",
		"Updated rules come into force on 1 July 2026, the agency said on Friday.",
		"The company uses cookies baked by its own staff.",
		"“I have lived here all my life,” she said.",
		"No one was hurt.",
		"Подпишут договор в пятницу, сказал министр.",
		"Фото с места аварии изучают эксперты.",
		"Ранее в этом году мост закрывали на ремонт.",
		"Автор проекта говорит, что мост простоит сто лет.",
		"Комментарии министра вызвали смех в зале.",
		"Reklama była droższa niż rok temu.",
		"Publicidad engañosa: así llamó el juez a la campaña.",
		"Por la tarde volvió a llover en todo el valle.",
		"Suivez le canal pendant deux kilomètres, dit la gardienne.",
		"Par ailleurs, le pont restera fermé jusqu'en mai.",
		"Von den zwölf Brücken sind drei gesperrt.",
		"Foto und Film waren im Saal verboten.",
		"Teilen wollte sich die Stadt die Kosten mit dem Land.",
		"Anzeige erstattete der Verein am Montag bei der Polizei.",
		"شارك مئات الطلاب في المسيرة يوم الأحد.",
		"كتب الوزير رسالة إلى البلدية.",
		"تصویر میں دو افراد دکھائی دے رہے ہیں، پولیس نے بتایا۔",
		"از سر نو تعمیر کا کام اگلے ماہ شروع ہوگا۔",
		"作者在书中写道，这座桥已经有一百年的历史。",
		"评论认为，这次会议没有达成任何结果。",
		"广告收入比去年下降了一成。",
	} {
		var b body
		for _, text := range []string{"Before it stood another sentence, and a long one.", s, "After it came one more sentence, also a long one."} {
			b = append(b, newBlock(&html.Node{}, text, 0))
		}
		if got := b.filter(); len(got) != 3 {
			t.Errorf("filtered as furniture: %q", s)
		}
	}
}

func TestClassWords(t *testing.T) {
	for class, want := range map[string]string{
		"td_authorBox-2": "td author box", "RelatedPosts": "related posts", "c-AdSlot__inner": "c ad slot inner", "h1": "h", "": "", "été-ÉTÉ": "été été",
	} {
		if got := strings.Join(classWords(class), " "); got != want {
			t.Errorf("classWords(%q) = %q, want %q", class, got, want)
		}
	}
}

// TestPruneSparesArticle: a class that speaks of furniture does not cost the
// article that is in it.
func TestPruneSparesArticle(t *testing.T) {
	text := strings.Repeat("<p>The ferry was late, again, and nobody on the quay was surprised by it.</p>", 8)
	for _, class := range []string{"sidebar-layout related", "has-comments", "newsletter", "promo", "share", "cookie-page", "modal", "author-page"} {
		a := extract(t, []byte(`<body class="`+class+`"><div class="`+class+`"><h1>A late ferry</h1>`+text+`</div><div class="footer"><p>The end of the page.</p></div></body>`), Options{})
		if n := strings.Count(a.Text, "quay"); n != 8 {
			t.Errorf("class %q: %d of 8 paragraphs", class, n)
		}
	}
}
