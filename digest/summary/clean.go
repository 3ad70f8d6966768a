package summary

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What stands before the first sentence of an agency report and is not part
// of it. Each pattern is tried at the start of the article only.
var openings = []*regexp.Regexp{
	// By . Jane Roe . PUBLISHED: . 07:04 EST, 9 January 2014 . | . UPDATED: . …
	regexp.MustCompile(`^(?:By\s*\.?\s.{0,160}?)?(?:PUBLISHED|UPDATED|Last updated)\b.{0,140}?(?:\d{4}|\|)\s*\.?\s*(?:(?:\|\s*\.?\s*)?UPDATED:?\s*\.?.{0,60}?\d{4}\s*\.?\s*)?`),
	regexp.MustCompile(`^(?:By|Von|Por|Par)\s*\.?\s*(?:\p{Lu}[\p{L}'’\-]+[ .,]*(?:and |for |in )?){1,8}\.\s+`),
	regexp.MustCompile(`^Follow @@?\w+\s*\.?\s*`),
	// 新华社北京5月3日电（记者 …） 本报讯
	regexp.MustCompile(`^(?:\p{Han}{2,12}\d{1,2}月\d{1,2}日[电電讯訊]|本报讯|本報訊|据?中新网\d{1,2}月\d{1,2}日[电訊讯])\s*(?:（[^）]{1,40}）|\([^)]{1,40}\))?[，,：: ]*`),
	// МОСКВА, 5 ноя — РИА Новости.
	regexp.MustCompile(`^\p{Lu}{3,}[\p{L}\d ,.\-]{0,40}[—–\-]+\s*(?:РИА Новости|ТАСС|Интерфакс|УНИАН|Укринформ)[^.]{0,30}\.\s*(?:/[^/]{2,40}/\.?\s*)?`),
	// Mumbai, Jul 27 (PTI) Two persons · LONDON, England (CNN) -- · (Reuters) -
	regexp.MustCompile(`^(?:\p{Lu}[\p{L}.'’\-]*(?:[ ,/]+[\p{L}\p{N}.'’\-]+){0,6}[ ,]*)?[(\[](?:\p{Lu}[\p{L}.&/]*(?:[ /.\-][\p{L}.]+){0,3}|dpa(?:/\w+)?|afp|ap|epd|sid|apa|efe|lusa)[)\]] *(?:\.?\s*(?:--|[-–—:])+)? *`),
	// Niederau (ots) - In der Nacht · Hohenstein/Berlin (rd). Die Brücke
	regexp.MustCompile(`^(?:\p{Lu}[\p{L}.'’\-]*(?:[ ,/]+[\p{L}\p{N}.'’\-]+){0,4} *)?\(\p{Ll}{2,5}(?:/\p{Ll}{2,6})?\) *[-–—.:]+ +`),
	// MILLBROOK, Nov. 27, 2026 /PRNewswire/ -- · LONDON--(BUSINESS WIRE)--
	regexp.MustCompile(`^\p{Lu}[\p{L}.'’\-]*(?:[ ,]+[\p{L}\p{N}.'’\-]+){0,8}[ ,]*(?:/[\p{L}\d .\-]{3,30}/ *|--\([\p{Lu} ]{3,30}\) *)(?:--|[-–—]) *`),
	// Москва. 28 ноября. INTERFAX.RU -
	regexp.MustCompile(`^\p{Lu}[\p{L} \-]{2,30}\. \d{1,2} \p{L}{3,8}\. (?:\p{Lu}[\p{Lu}.\-]{2,20}|\p{Lu}[\p{L}\-]{2,20}) *[-–—] *`),
	// Самара, 28 ноября 2026, 11:20 — REGNUM
	regexp.MustCompile(`^\p{Lu}[\p{L}\-]+(?: \p{Lu}[\p{L}\-]+)?, \d{1,2} \p{L}{3,9} \d{4},? \d{1,2}[:.]\d\d *[-–—] *(?:(?:ИА )?\p{Lu}{4,} )?`),
	// （科兰日报讯 记者王丽） 〔記者林美惠／台南報導〕
	regexp.MustCompile(`^[（(〔【][^）)〕】\n]{0,30}(?:讯|訊|电|電|报道|報道|报导|報導|记者|記者)[^）)〕】\n]{0,30}[）)〕】]\s*`),
	// القاهرة (رويترز) - · كوران - (أ ف ب): · اسلام آباد (ویب ڈیسک)
	regexp.MustCompile(`^(?:\p{Arabic}+(?: \p{Arabic}+){0,3} *[-–—]? *)?[(（]\p{Arabic}[\p{Arabic} .]{1,30}[)）] *(?:--|[-–—:]) *`),
	regexp.MustCompile(`^(?:\p{Arabic}+(?: \p{Arabic}+){0,3} *)?[(（](?:رويترز|وكالات|الوكالات|متابعات|خاص|واس|وام|قنا|بترا|کونا|كونا|سانا|ا ف ب|أ ف ب|أ ب|د ب أ|ویب ڈیسک|ویب ڈسک|نیوز ڈیسک|مانیٹرنگ ڈیسک|مانیٹرنگ|ڈیسک|نمائندہ[\p{Arabic} ]{0,20}|خصوصی نمائندہ|نامہ نگار|سٹاف رپورٹر|اسٹاف رپورٹر|بیورو رپورٹ|بیورو|خبر نگار|خبرنگار|کامرس رپورٹر|اسپورٹس ڈیسک|اسپورٹس رپورٹر|رائٹرز|روئٹرز|اے پی پی|اے ایف پی|اے پی|این این آئی|آئی این پی|آن لائن|ایجنسیاں)[)）] *`),
	regexp.MustCompile(`^\p{Arabic}+(?: \p{Arabic}+){0,2} *(?:[:：]|--|–|—| - ) *`),
	// KYIV, Nov. 5 — · NEW DELHI: · TTO -
	regexp.MustCompile(`^\p{Lu}{3,}[\p{Lu}.]*(?:[ ,/]+[\p{L}\p{N}.]+){0,5} *(?:--|–|—| - |: ) *`),
	regexp.MustCompile(`^\p{Lu}[\p{L}]+(?:, (?:\p{Lu}\p{L}+|\d{1,2}\.? \p{L}{3,9}\.?|\p{Lu}\p{L}{2,8}\.? \d{1,2})){1,2}\.? (?:--|–|—|\.-) +`),
}

// opening returns how many bytes of the trimmed head of an article are
// byline and dateline.
func opening(s string) int {
	cut := 0
	for again := true; again; {
		again = false
		for _, re := range openings {
			m := re.FindStringIndex(s[cut:min(len(s), cut+400)])
			if m != nil && m[1] > 0 && startsAnew(s[cut+m[1]:]) && !tells.MatchString(s[cut:cut+m[1]]) {
				cut += m[1]
				again = true
			}
		}
	}
	return cut
}

// headed is opening for an article before whose dateline stand some lines that are
// no sentences: a kicker, a byline, the time.
func headed(s string) int {
	for at, n := 0, 0; n < 5; n++ {
		if cut := opening(s[at:]); cut > 0 {
			return at + cut
		}
		first, _, more := strings.Cut(s[at:], "\n")
		last, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(first, isCloser))
		if !more || (isTerminal(last) && Words(first) > 4 || Words(first) > 12) && !stamped.MatchString(first) {
			break
		}
		at += len(first)
		at += len(s[at:]) - len(strings.TrimLeftFunc(s[at:], isBlank))
	}
	return 0
}

// startsAnew says whether a sentence may start here: "The Audit Office (AO) said"
// does not begin with a dateline.
func startsAnew(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && !unicode.IsLower(r) && !isComma(r) && r != '.' && r != ':'
}

// tells are verbs before a colon: what stands there is who speaks.
var tells = regexp.MustCompile(`(?:^| )(?:و?(?:قال|قالت|أعلن|أعلنت|أكد|أكدت|صرح|صرحت|كتب|كتبت)|کہا|کہنا|بتایا|پوچھا|سوال|جواب)(?: |:|：)`)

// aside matches bracketed words that point at the page, not at the story.
var aside = regexp.MustCompile(`(?i)^[(\[](?:pictured|above|below|left|right|centre|center|inset|file|photo|file photo|pictured (?:above|below|left|right)|see (?:above|below|picture|video|map)|right, pictured|left, pictured|archivo|foto|xem ảnh|ảnh|图|資料圖|资料图)(?:[ ,][^)\]]{0,30})?[)\]]$`)

// junkAnywhere are parts of sentences that belong to the page around the article,
// junkPrefix how such sentences begin. They are matched in lower case.
var junkAnywhere = []string{
	"contributed to this report", "contributed to this story", "e-mail to a friend", "email to a friend", "all rights reserved",
	"click here", "read more", "read the full", "see also:", "sign up for", "follow us on", "follow him on", "follow her on",
	"you can follow", "scroll down", "may not be published, broadcast", "story highlights", "terms of use", "cookie", "newsletter",
	"the opinions expressed", "opinions expressed in this", "the views expressed", "this story has been corrected", "an earlier version of",
	"this article was originally", "originally appeared", "see the original story", "advertisement", "share this", "watch the video", "watch:",
	"has been updated", "reporting by", "editing by", "write to us", "get in touch", "@@", "http://", "https://", "www.",
	"read on for", "read on to", "keep reading", "stay tuned", "read this article", "read our ", "read my ", "check out our ", "see our ", "leave a comment", "in the comments", "comment below", "let us know",
	"below the slide show", "table of contents", "bookmark this", "link in bio", "affiliate link", "affiliate commission", "affiliate and/or", "affiliate partner", "earn a commission", "earn a small commission",
	"has been compensated", "was compensated by", "this post is sponsored", "this post was sponsored", "sponsored post", "this post contains", "this article contains", "paid partnership with", "promo code",
	"in this file", "in this photo", "in this image", "in this picture", "file picture", "(left)", "(right)", " poses for", " poses with", " pose for", " pose with", "looks on as", " gestures as", " is pictured", " are pictured", "smiles after", "smiles as", "walks past",
	"xem thêm", "ảnh:", "ảnh minh họa", "ảnh minh hoạ", ">>", "đọc thêm", "bấm vào đây", "theo dõi chúng tôi",
	"читайте также", "подписывайтесь", "подпишитесь", "смотрите также", "оставайтесь с нами", "читайте нас", "erid:", "на правах рекламы", "haz clic", "haga clic", "lea también", "lee también", "leer más", "suscríb",
	"t&cs apply", "begambleaware", "gamble responsibly", "in free bets",
	"lire aussi", "à lire", "abonnez-vous", "liens affiliés", "liens d'affiliation", "lesen sie auch", "mehr zum thema", "newsletter abonnieren", "affiliate-link", "enlaces de afiliad", "leia também", "leia mais", "assista a", "assista ao", "links de afiliad", "siga-nos",
	"اقرأ أيضا", "اقرأ المزيد", "للمزيد", "تابعونا", "مزید پڑھیں", "یہ بھی پڑھیں", "点击", "點擊", "延伸阅读", "责任编辑", "責任編輯", "相关阅读", "扫码",
}

var junkPrefix = []string{
	"read:", "watch:", "pictured:", "more:", "related:", "also read", "photos:", "photo:", "video:", "image:", "picture:", "caption:", "editor's note",
	"editor’s note", "editors' note", "correction:", "clarification:", "updated:", "published:", "by .", "source:", "via ", "credit:", "copyright", "©", "(c) ", "follow @",
	"here's ", "here’s ", "here are ", "here is ", "updated at", "for more", "to read", "listen to", "tell us", "join the", "below is the", "below is a",
	"ảnh:", "video hiện trường", "clip:", "nguồn:", "фото:", "видео:", "источник:", "foto:", "vídeo:", "fuente:", "photo :", "crédit", "bild:", "quelle:", "mehr dazu", "nächste termine", "weitere termine", "karten unter ", "karten gibt es", "hier geht es ", "hier geht’s ", "صورة:", "فيديو:", "المصدر:", "تصویر:", "图片来源", "图：", "来源：", "编辑：", "編輯：",
}

// litter is what of the junk lists the whole article holds, so that its
// sentences are searched for little.
type litter []string

func litterOf(text string) litter { return junk.within(strings.ToLower(text)) }

var junk = newNeedles(junkAnywhere, paywalls)

// needles are strings that are looked for all at once.
type needles struct {
	by    map[uint32][]string // by their first three bytes
	maybe [1 << 12]bool       // whether some begin with bytes of this hash
	short []string            // under three bytes
}

func newNeedles(lists ...[]string) *needles {
	n := &needles{by: map[uint32][]string{}}
	for _, s := range slices.Concat(lists...) {
		if len(s) < 3 {
			n.short = append(n.short, s)
			continue
		}
		k := beginning(s)
		n.by[k] = append(n.by[k], s)
		n.maybe[mix(k)] = true
	}
	return n
}

func mix(k uint32) uint32 { return k * 0x9e3779b1 >> 20 }

// within returns the needles that text holds.
func (n *needles) within(text string) []string {
	var out []string
	for _, s := range n.short {
		if strings.Contains(text, s) {
			out = append(out, s)
		}
	}
	if len(text) < 3 {
		return out
	}
	k := beginning(text) << 8
	for i := range len(text) - 2 {
		if k = k>>8 | uint32(text[i+2])<<16; !n.maybe[mix(k)] {
			continue
		}
		for _, s := range n.by[k] {
			if strings.HasPrefix(text[i:], s) && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// spoils says whether a sentence belongs to the page rather than the story.
func (l litter) spoils(s string) bool {
	if strings.HasSuffix(s, " .") || strings.HasSuffix(s, "\u200b .") {
		return true // a caption or a link line that was made a sentence of
	}
	start := strings.ToLower(s[:min(len(s), 40)])
	for _, p := range junkPrefix {
		if strings.HasPrefix(start, p) {
			return true
		}
	}
	if len(l) == 0 {
		return false
	}
	lower := strings.ToLower(s)
	return slices.ContainsFunc(l, func(p string) bool { return strings.Contains(lower, p) })
}

// credits are how photo credits begin; a caption stands before them.
var credits = []string{"Ảnh:", "Photo:", "Photograph:", "Picture:", "Фото:", "Foto:", "Photo :", "Bild:", "صورة:", "تصویر:", "图：", "ẢNH:", "Ảnh minh hoạ", "Ảnh minh họa"}

func isCredit(s string) bool {
	for _, c := range credits {
		if strings.HasPrefix(s, c) {
			return true
		}
	}
	return false
}

// body returns the spans of a sentence that are worth printing: without the
// brackets that point at pictures, broken wherever the white space is not one
// plain space.
func body(text string, s [2]int) [][2]int {
	var out [][2]int
	start := s[0]
	for i := s[0]; i < s[1]; {
		if c := text[i]; c > ' ' && c < utf8.RuneSelf && c != '(' && c != '[' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f':
			j := i + size
			for j < s[1] {
				r, n := utf8.DecodeRuneInString(text[j:])
				if !isBlank(r) {
					break
				}
				j += n
			}
			if text[i:j] != " " {
				out = appendSpan(out, start, i)
				start = j
			}
			i = j
		case (r == '(' || r == '[') && i > start && text[i-1] == ' ':
			end := closing(text, i, s[1])
			if end < 0 || end+1 >= s[1] || text[end] != ' ' || !aside.MatchString(text[i:end]) {
				i += size
				continue
			}
			out = appendSpan(out, start, i-1)
			start, i = end+1, end+1
		default:
			i += size
		}
	}
	return appendSpan(out, start, s[1])
}

func appendSpan(out [][2]int, start, end int) [][2]int {
	if start >= end {
		return out
	}
	return append(out, [2]int{start, end})
}

// closing returns the offset after the bracket that closes the one at i, or
// -1 if there is none within 120 bytes and before end.
func closing(text string, i, end int) int {
	j := strings.IndexAny(text[i:min(end, i+120)], ")]")
	if j < 0 {
		return -1
	}
	return i + j + 1
}

// join puts the spans of a sentence together as Summary promises.
func join(text string, spans [][2]int) string {
	if len(spans) == 1 {
		return text[spans[0][0]:spans[0][1]]
	}
	parts := make([]string, len(spans))
	for i, s := range spans {
		parts[i] = text[s[0]:s[1]]
	}
	return strings.Join(parts, " ")
}
