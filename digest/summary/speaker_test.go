package summary

import (
	"slices"
	"strings"
	"testing"
)

func TestIntroduced(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Title: "Lamp goes dark", Text: `Keeper Ines Falk has run the lighthouse for thirty years. The lamp goes dark in March. "I would rather not watch," Falk said. "It is only a lamp," Mayor Ruth Moss said. Police said nobody climbed the tower. "It was far too cold that night," he said.`}, Options{})
	if s.Candidates[5].Flaws&Dangles == 0 {
		t.Error("a quotation of “he said” can stand without the sentence before it")
	}
	for _, c := range []struct {
		set  []int
		want bool
	}{{[]int{1, 2}, false}, {[]int{0, 2}, true}, {[]int{0, 1, 2}, true}, {[]int{1, 3}, true}, {[]int{1, 4}, true}, {[]int{0, 5}, false}, {[]int{4, 5}, true}} {
		if got := s.introduced(c.set); got != c.want {
			t.Errorf("sentences %v: introduced is %v, want %v", c.set, got, c.want)
		}
	}
}

// A last name alone is a stranger, whatever he does; places and firms whose whole
// name is one word are none.
func TestMentions(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Title: "Lamp goes dark", Text: `Keeper Ines Falk has run the lighthouse of Corran for thirty years. Last year Falk climbed the tower once more. The people of Corran waved. Norvik paid for the lamp. Her neighbours thanked Norvik and gave Falk a clock.`}, Options{})
	for i, want := range [][]int{nil, {0}, nil, nil, {0, 1}} {
		if got := s.mentions(i); !slices.Equal(got, want) {
			t.Errorf("%q: met in %v, want %v", s.Candidates[i].Text, got, want)
		}
	}
}

// What takes up what was told does not come first, and "he" is none of the police.
func TestOpeners(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Text: `The harbour of Corran will close for the whole of March. The decision has angered fishermen. Police have said he fired two shots. Only in this way can Corran be reborn. Officials said Ines Falk lost her lamp.`}, Options{})
	for i, want := range []Flaw{0, Later, Loose, Dangles, 0} {
		if got := s.Candidates[i].Flaws; got != want {
			t.Errorf("%q: flaws %b, want %b", s.Candidates[i].Text, got, want)
		}
	}
	if s.stands([]int{1}, 0) || !s.stands([]int{0, 1}, 0) {
		t.Error("“The decision” stands first, or not behind its news")
	}
}

// TestOpenersElsewhere: what hangs on the sentence before it in other languages, and
// what looks like it and opens a report of its own.
func TestOpenersElsewhere(t *testing.T) {
	for _, c := range []struct{ language, lede, hangs, stands string }{
		{"tr", "Limanköy Belediyesi iki kütüphaneyi kapatıyor.", "Ancak binaların geleceği henüz belli değil.|Bu karar iki mahalleyi etkiliyor.|Öte yandan otobüs ücretsiz olacak.", "Okullar pazartesi günü yeniden açılacak.|Bursa Belediyesi yeni bir köprü yapıyor."},
		{"pl", "Rada miasta Portowo zamknie dwie biblioteki.", "Jednak budynki nie zostaną sprzedane.|To ma być rozwiązanie na rok.|Dodała, że trafią do szkół.", "Iwona Zięba zapowiedziała spotkanie w ratuszu.|Tomasz Nowak został nowym burmistrzem miasta."},
		{"nl", "De gemeente Havendam sluit twee bibliotheken.", "Maar een besluit is nog niet genomen.|Hij biedt de gebouwen aan verenigingen aan.|Daarnaast gaan andere filialen langer open.", "Het kabinet trekt geld uit voor dijken.|Diezelfde avond komt de raad bijeen in Delft."},
		{"id", "Pemerintah kota akan menutup dua perpustakaan.", "Namun, gedungnya tidak akan dijual.|Hal itu diputuskan pada hari Selasa.|Ia menawarkan gedung itu kepada warga.", "Diah Rahma menjadi wali kota yang baru.|Itali mengirim dua kapal ke pelabuhan."},
		{"de", "Der Stadtrat von Neuhafen baut eine Buslinie.", "Dafür sind 900.000 Euro im Haushalt eingeplant.", "Dorthe Hansen wird die neue Leiterin der Schule."},
		{"es", "El puerto tendrá una terminal nueva.", "Añadió que se crearán 300 empleos en dos años.|Dicha obra incluye un aparcamiento grande.", "Dichoso el que llega, reza el cartel del puerto."},
		{"hi", "नगर परिषद दो पुस्तकालय बंद करेगी।", "उन्हें उम्मीद है कि जनवरी तक फैसला होगा।|उसने कहा कि इमारतें बेची नहीं जाएँगी।", "उनाव में सोमवार को नया पुल खुलेगा।"},
		{"ur", "بلدیہ دو کتب خانے بند کرے گی۔", "انہیں امید ہے کہ جنوری تک فیصلہ ہوگا۔|دوسری جانب باقی کتب خانے دیر تک کھلیں گے۔", "اسلام آباد میں پیر کو نیا پل کھلے گا۔"},
		{"ar", "أعلنت البلدية إغلاق مكتبتين في أبريل.", "وقال إن المباني ستعرض على الجمعيات المحلية.|ومن جهته رفض المجلس القرار في جلسة أمس.", "وقال الوزير سالم إن المدارس ستفتح أبوابها غدا."},
	} {
		hanging := strings.Split(c.hangs, "|")
		text := c.lede + " " + strings.Join(append(hanging, strings.Split(c.stands, "|")...), " ")
		list := NewStudy(Doc{Language: c.language, Text: text}, Options{}).Candidates
		list = slices.DeleteFunc(list, func(c Candidate) bool { return c.variant })
		for i, cand := range list {
			if got, want := cand.Flaws&Dangles != 0, i > 0 && i <= len(hanging); got != want {
				t.Errorf("%s: %q hangs on another: %v, want %v", c.language, cand.Text, got, want)
			}
		}
	}
}
