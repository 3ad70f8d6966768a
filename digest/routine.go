package digest

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// What a paper prints every day whatever happens is no news: horoscopes, puzzles,
// quizzes, tables of the weather, its own newsletters, corrections of yesterday. Nor
// is what is to be looked at or heard and has hardly a text, and what it did not mean
// to print. It is told when an editor pins it, or where a newsletter has nothing else.

// routineSections are the names of their sections, in addresses as well.
var routineSections = func() map[string]string {
	sections := map[string]string{}
	for what, names := range map[string]string{
		"a horoscope":        "horoscope horoscopes daily-horoscope horoskop horoskope horóscopo horoscopo horóscopos horoscopos oroscopo oroscopi astrology astrologie astrología гороскоп гороскопы burç burçlar burc-yorumlari الأبراج أبراج 星座 占い 星占い",
		"a puzzle":           "crossword crosswords puzzle puzzles sudoku kreuzworträtsel kreuzwortraetsel rätsel raetsel crucigrama crucigramas mots-croisés mots-croises cruciverba palavras-cruzadas кроссворд кроссворды krzyżówka krzyzowka kruiswoord bulmaca",
		"a quiz":             "quiz quizzes викторина викторины",
		"a weather table":    "weather weather-forecast wetter wettervorhersage météo meteo tiempo el-tiempo pogoda погода hava-durumu الطقس موسم 天気 天气",
		"a lottery table":    "lottery lotto lottozahlen loterie lotería loteria лотерея",
		"a newsletter":       "newsletter newsletters",
		"a television guide": "tv-guide tv-listings tv-programm fernsehprogramm programme-tv programa-tv programación-tv programacion-tv programmi-tv телепрограмма",
		"a podcast":          "podcast podcasts подкаст подкасты podkast podkasty بودكاست",
		"a gallery":          "gallery galleries photo-gallery photo-galleries picture-gallery in-pictures bildergalerie bildergalerien fotostrecke fotostrecken fotogalerie diaporama diaporamas galería galerías galeria galerias fotogalería fotogalerías fotogallery foto-galeri fotogaleri фотогалерея galeria-zdjec fotoserie",
	} {
		for name := range strings.FieldsSeq(names) {
			sections[name] = what
		}
	}
	return sections
}()

// routineHeadlines are headlines that say it: "Horoscope today", "Quick crossword
// No 17,301", "Quiz: …". Others speak of such a thing: "Crossword setter dies".
var routineHeadlines = []struct {
	what string
	is   *regexp.Regexp
}{
	{"a horoscope", regexp.MustCompile(`(?i)^(?:(?:your|daily|weekly|love|today['’]?s|the) )*(?:horoscopes?|horoskop|oroscopo|horóscopo|гороскоп)(?:$|[:,|–—-]| (?:for|today|tomorrow|heute|vom|du jour|del día|di oggi|de hoy|на) | (?:today|heute|du jour|di oggi|de hoy|del día)$)`)},
	{"a puzzle", regexp.MustCompile(`(?i)^(?:(?:quick|cryptic|daily|weekly|today['’]?s|the|mini|general knowledge) )*(?:crossword|sudoku|kreuzworträtsel|crucigrama|mots croisés|cruciverba|кроссворд)(?:$|[:,|–—]| (?:no|nr|n°|№)\b\.? ?\d| ?[#№]? ?\d| (?:answers|solution))`)},
	{"a correction", regexp.MustCompile(`(?i)^(?:corrections?(?: (?:and|&) clarifications?)?|clarifications?|berichtigung|richtigstellung|korrektur|erratum|rectificatif|fe de erratas|fe de errores|поправка|تصحیح)(?:$| ?[:|–—])`)},
	{"marked as under embargo without a day, clock and zone that can be read", regexp.MustCompile(`(?i)^\W*(?:embargo(?:ed)?:? (?:until|till)|sperrfrist)\b`)}, // the others are read by marked
	{"marked as not to be read", regexp.MustCompile(`(?i)^\W*(?:not for publication|do not publish|test\b.*\bignore)\b|\b(?:please ignore|do not publish)\W*$`)},
	{"a quiz", regexp.MustCompile(`(?i)^(?:(?:the|daily|weekly|weekend|news|sports?|big|saturday|sunday|friday) )*quiz(?:$|[:|–—]| of the (?:day|week|month|year)\b)`)},
}

// routineTexts says what the text has to be besides in sections that tell news as
// well: storms, winners, a report with its pictures.
var routineTexts = map[string]func(string) bool{"a weather table": figures, "a lottery table": figures, "a podcast": isNote, "a gallery": isNote}

// isNote reports whether a text is no longer than what goes with a picture or a tape.
func isNote(text string) bool { return len(strings.Fields(text)) < 80 }

// routine says what of this a story is, "" for news.
func (s Story) routine() string {
	for _, h := range routineHeadlines {
		if h.is.MatchString(s.Title) {
			return h.what
		}
	}
	names := strings.Split(strings.ToLower(s.Section), "/")
	if u, err := url.Parse(s.URL); err == nil {
		names = append(names, strings.Split(strings.ToLower(u.Path), "/")...)
	}
	for _, name := range names {
		what := routineSections[strings.TrimSpace(name)]
		if is := routineTexts[what]; what != "" && (is == nil || is(s.Body)) {
			return what
		}
	}
	return ""
}

// figures reports whether of a text a fifth of the words are numbers.
func figures(text string) bool {
	words, numbers := 0, 0
	for w := range strings.FieldsSeq(text) {
		words++
		if strings.ContainsFunc(w, unicode.IsDigit) {
			numbers++
		}
	}
	return words >= 10 && 5*numbers >= words
}

// whyRoutine is why a story that is no news is not chosen, "" for news.
func (s Story) whyRoutine() string {
	if what := s.routine(); what != "" {
		return "it is " + what + ", which is told when an editor pins it"
	}
	return ""
}
