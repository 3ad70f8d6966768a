package article

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// article fills in everything but text, language and kind.
func (p *page) article(r rules) Article {
	t := p.story()
	a := Article{
		URL:         p.address,
		Description: cmp.Or(p.metaFirst("og:description", "description", "twitter:description"), t.text("description")),
		SiteName:    p.siteName(t),
		Section:     cmp.Or(p.metaFirst("article:section", "parsely-section", "section"), t.text("articleSection")),
	}
	a.Canonical = p.canonical()
	a.Title = cmp.Or(ruleText(p.doc, r.title), p.headline(t, a.SiteName))
	a.Byline = p.byline(r.author, t, a)
	a.Published, a.Modified = p.dates(r.date, t, a.Title)
	a.Image, a.ImageAlt, a.ImageCredit = p.picture(t)
	a.Keys = p.keys(a.Canonical)
	return a
}

// ruleText is what the first match of a site's rule says.
func ruleText(doc *html.Node, m cascadia.Matcher) string {
	if m == nil {
		return ""
	}
	n := cascadia.Query(doc, m)
	if n == nil {
		return ""
	}
	return stated(n)
}

// stated is the machine-readable value of an element, else its text.
func stated(n *html.Node) string {
	for _, name := range []string{"content", "datetime"} {
		if v := attr(n, name); v != "" {
			return clean(v)
		}
	}
	return inline(n)
}

// siteName is how the publication calls itself.
func (p *page) siteName(t thing) string {
	for _, o := range p.objects(t["publisher"]) {
		if name := o.text("name"); name != "" {
			return cmp.Or(p.metaFirst("og:site_name"), name)
		}
	}
	return p.metaFirst("og:site_name", "application-name", "al:ios:app_name", "twitter:app:name:iphone")
}

// canonical is the page's own address by its link, og:url or JSON-LD. One that
// points to a front page says nothing.
func (p *page) canonical() string {
	for _, ref := range []string{cmp.Or(p.links["canonical"]...), p.metaFirst("og:url")} {
		u, err := url.Parse(p.absolute(ref))
		if err == nil && u.Host != "" && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
			return u.String()
		}
	}
	return ""
}

// dates are when the article was published and last changed.
func (p *page) dates(rule cascadia.Matcher, t thing, title string) (published, modified time.Time) {
	american := p.american()
	modified, _ = firstDate(american, t.text("dateModified"), p.metaFirst("article:modified_time", "og:updated_time", "last-modified", "dcterms.modified"), p.prop("dateModified"))
	if d, ok := firstDate(american, ruleText(p.doc, rule)); ok {
		return d, modified
	}
	published, ok := firstDate(american, t.text("datePublished"), p.metaFirst("article:published_time", "og:article:published_time"), p.prop("datePublished"),
		p.metaFirst("parsely-pub-date", "datepublished", "date", "pubdate", "publishdate", "publish-date", "publish_date", "article.published", "sailthru.date", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date", "published", "published-date", "article_date_original", "originalpublicationdate", "cxenseparse:recs:publishtime", "rnews:datepublished", "bt:pubdate"),
		t.text("dateCreated"), t.text("uploadDate"))
	if !ok {
		shown, changed := p.headerDates(title, american)
		if modified.IsZero() {
			modified = changed
		}
		published, ok = shown, !shown.IsZero()
	}
	if !ok {
		published, ok = urlDate(p.base)
	}
	if !ok {
		published, ok = p.visibleDate(american)
	}
	if !ok {
		published = modified
	}
	return published, modified
}

func firstDate(american bool, candidates ...string) (time.Time, bool) {
	for _, c := range candidates {
		if t, ok := parseDate(c, american); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

// american tells whether 10/9/2025 is the ninth of October here.
func (p *page) american() bool {
	lang := strings.ToLower(p.lang)
	if lang == "" || lang == "en" {
		return p.base == nil || !strings.HasSuffix(p.base.Hostname(), ".uk") && !strings.HasSuffix(p.base.Hostname(), ".au") && !strings.HasSuffix(p.base.Hostname(), ".pk") && !strings.HasSuffix(p.base.Hostname(), ".in")
	}
	return lang == "en-us" || lang == "en_us"
}

func (p *page) prop(name string) string {
	for _, n := range p.props[name] {
		if v := stated(n); v != "" {
			return v
		}
	}
	return ""
}

// visibleDate reads the date that the page shows for the article.
func (p *page) visibleDate(american bool) (time.Time, bool) {
	for _, n := range p.times {
		if d, ok := firstDate(american, attr(n, "datetime"), inline(n)); ok {
			return d, true
		}
	}
	for _, n := range p.dated {
		if s := stated(n); len(s) < 120 {
			if d, ok := parseDate(s, american); ok {
				return d, true
			}
		}
	}
	return time.Time{}, false
}

// urlDate reads /2025/10/09/ in an address.
func urlDate(u *url.URL) (time.Time, bool) {
	if u == nil {
		return time.Time{}, false
	}
	m := isoDate.FindStringSubmatch(u.Path)
	if m == nil {
		return time.Time{}, false
	}
	return build(m[1], m[2], m[3], "", "", "")
}

// picture is the lead picture, its description, and what stands about its
// origin in its data and its caption.
func (p *page) picture(t thing) (src, alt, credit string) {
	src = p.absolute(p.metaFirst("og:image", "og:image:url", "og:image:secure_url"))
	for _, o := range p.objects(t["image"]) {
		if src == "" {
			src = p.absolute(cmp.Or(texts(o["url"])...))
		}
		if src == "" {
			src = p.absolute(cmp.Or(texts(o["contentUrl"])...))
		}
		for _, name := range []string{"creditText", "copyrightNotice", "copyrightHolder", "creator", "author", "caption"} {
			credit = joined(credit, cmp.Or(texts(o[name])...))
			for _, by := range p.objects(o[name]) {
				credit = joined(credit, cmp.Or(texts(by["name"])...))
			}
		}
	}
	if src == "" {
		src = p.absolute(cmp.Or(p.metaFirst("twitter:image", "twitter:image:src", "parsely-image-url", "thumbnail"), cmp.Or(p.links["image_src"]...)))
	}
	if p.isLogo(t, src) {
		src = ""
	}
	bare, _, _ := strings.Cut(src, "?")
	var variant, lead, own *html.Node
	for n := range p.doc.Descendants() {
		if n.DataAtom != atom.Img {
			continue
		}
		shown := p.absolute(cmp.Or(attr(n, "data-src"), attr(n, "data-lazy-src"), attr(n, "src")))
		if src == "" && attr(n, "itemprop") == "image" {
			src, bare = shown, shown
		}
		if shown != "" && (shown == src || shown == bare) {
			return shown, cmp.Or(clean(attr(n, "alt")), p.metaFirst("og:image:alt", "twitter:image:alt")), joined(credit, captionOf(n))
		}
		if variant == nil && pictureName(shown) == pictureName(src) {
			variant = n
		}
		if lead == nil && isLead(n) {
			lead = n
		}
		if src == "" && own == nil && p.isOwn(t, n) {
			own = n
		}
	}
	switch {
	case src == "" && own != nil:
		return p.drawn(own), clean(attr(own, "alt")), joined(credit, captionOf(own))
	case src == "":
	case variant != nil: // the same in another size
		return src, cmp.Or(clean(attr(variant, "alt")), p.metaFirst("og:image:alt", "twitter:image:alt")), joined(credit, captionOf(variant))
	case lead != nil: // mostly the same under another name: what is said of it counts
		credit = joined(credit, captionOf(lead))
	}
	return src, p.metaFirst("og:image:alt", "twitter:image:alt"), credit
}

var pictureSize = regexp.MustCompile(`(?i)(?:[-_@.](?:\d{2,4}x\d{2,4}|[wh]?\d{3,4}[wh]?|\dx|scaled|large|medium|small|thumb(?:nail)?|crop(?:ped)?|\d{1,2}x\d{1,2}))+$`)

// pictureName is the name of a picture's file without its size, by which it is
// known in others.
func pictureName(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return address
	}
	name := path.Base(u.Path)
	name = pictureSize.ReplaceAllString(strings.TrimSuffix(name, path.Ext(name)), "")
	if len(name) < 4 {
		return address
	}
	return strings.ToLower(name)
}

// isLead reports whether a picture stands in a figure of the article.
func isLead(img *html.Node) bool {
	figure := false
	for n := img.Parent; n != nil; n = n.Parent {
		figure = figure || n.DataAtom == atom.Figure
		if n.DataAtom == atom.Article || n.DataAtom == atom.Main {
			return figure
		}
	}
	return false
}

// logoWords are what the files of pictures are called that stand for a site, not for
// an article.
var logoWords = set("logo", "logos", "favicon", "placeholder", "fallback", "default", "avatar", "gravatar", "noimage", "blank", "spacer", "pixel")

// isLogo reports whether a picture is the site's own, by the data of its publisher
// or by its name.
func (p *page) isLogo(t thing, address string) bool {
	for _, o := range p.objects(t["publisher"]) {
		for _, logo := range append(texts(o["logo"]), p.logoOf(o)) {
			if address != "" && address == p.absolute(logo) {
				return true
			}
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	words := strings.FieldsFunc(strings.ToLower(path.Base(u.Path)), func(r rune) bool { return !unicode.IsLetter(r) })
	return len(words) <= maxLogoName && slices.ContainsFunc(words, func(w string) bool { return logoWords[w] })
}

// maxLogoName is how many words the name of such a file has at most: more describe a
// picture ("notes but no logo").
const maxLogoName = 6

func (p *page) logoOf(publisher thing) string {
	for _, o := range p.objects(publisher["logo"]) {
		return cmp.Or(o.text("url"), o.text("contentUrl"))
	}
	return ""
}

// isOwn reports whether a picture is the article's, so that it may stand for it:
// in a figure of the article, no link to another page, no furniture, and not small.
func (p *page) isOwn(t thing, img *html.Node) bool {
	address := p.drawn(img)
	if !isLead(img) || address == "" || p.isLogo(t, address) {
		return false
	}
	for _, side := range []string{"width", "height"} {
		if n, err := strconv.Atoi(attr(img, side)); err == nil && n < leastSide {
			return false
		}
	}
	for n := img; n != nil; n = n.Parent {
		switch n.DataAtom {
		case atom.Nav, atom.Aside, atom.Footer:
			return false
		case atom.A:
			if to := p.absolute(attr(n, "href")); to != "" && !pictureFile.MatchString(to) {
				return false
			}
		}
		if furniture().judgeAll(attr(n, "class")+" "+attr(n, "id")) == strong {
			return false
		}
	}
	return true
}

var pictureFile = regexp.MustCompile(`(?i)\.(?:jpe?g|png|webp|gif|avif)(?:\?|$)`)

// leastSide is how many pixels a lead picture has to a side at least.
const leastSide = 200

// drawn is the address of the picture that a browser comes to draw: the real one
// where src has a stand-in until it is looked at, else of several sizes the
// smallest that is sharp in a mail.
func (p *page) drawn(img *html.Node) string {
	for _, name := range []string{"data-src", "data-lazy-src", "data-original", "src"} {
		if a := p.absolute(attr(img, name)); a != "" && !p.isLogo(nil, a) {
			return a
		}
	}
	best, width := "", 0
	for c := range strings.SplitSeq(cmp.Or(attr(img, "data-srcset"), attr(img, "srcset")), ", ") {
		f := strings.Fields(c)
		if len(f) == 0 {
			continue
		}
		w, _ := strconv.Atoi(strings.TrimSuffix(f[len(f)-1], "w"))
		if best == "" || width < sharp && w > width || w >= sharp && w < width {
			best, width = p.absolute(f[0]), w
		}
	}
	return best
}

// sharp is twice the width of a mail, in pixels.
const sharp = 1200

// maxCredit leaves room for a long caption: whose a picture is stands at its end.
const maxCredit = 2000

func joined(a, b string) string {
	if a == "" || b == "" {
		return clipTo(clean(a+b), maxCredit)
	}
	return clipTo(a+" · "+clean(b), maxCredit)
}

// captionOf is what stands with a picture in its figure, or in an element
// around it that is called a caption, a credit or a copyright.
func captionOf(img *html.Node) string {
	n := img.Parent
	for up := 0; n != nil && up < 4; up++ {
		said, last := "", (*html.Node)(nil)
		for d := range n.Descendants() {
			if last != nil && within(d, func(x *html.Node) bool { return x == last }) != nil {
				continue
			}
			class := strings.ToLower(attr(d, "class") + " " + attr(d, "itemprop"))
			if d.DataAtom == atom.Figcaption || d.Type == html.ElementNode && (strings.Contains(class, "caption") || strings.Contains(class, "credit") || strings.Contains(class, "copyright")) {
				if said, last = joined(said, inline(d)), d; n.DataAtom != atom.Figure && up > 0 {
					return said // those behind it may be of other pictures
				}
			}
		}
		if said != "" {
			return said
		}
		if n.DataAtom == atom.Figure || n.DataAtom == atom.Body || n.DataAtom == atom.Article {
			break
		}
		n = n.Parent
	}
	return ""
}

// keys are the names by which the site itself knows the article.
func (p *page) keys(canonical string) []string {
	host := ""
	if p.base != nil {
		host = p.base.Host
	}
	if canonical != "" {
		if u, err := url.Parse(canonical); err == nil && host == "" {
			host = u.Host
		}
	}
	ids := slices.Clone(p.ids)
	ids = append(ids, p.links["shortlink"]...)
	ids = append(ids, p.links["alternate"]...)
	if canonical != "" {
		ids = append(ids, canonical)
	}
	return Aliases(host, ids...)
}

func (p *page) languageClaim(given string) string {
	if given != "" {
		return given
	}
	return cmp.Or(p.lang, p.metaFirst("og:locale", "language", "content-language", "dc.language"))
}

// kindTypes are the JSON-LD types that say what a page is.
var kindTypes = []struct {
	kind  string
	types map[string]bool
}{
	{KindPaid, set("AdvertiserContentArticle")},
	{KindLive, set("LiveBlogPosting")},
	{KindOpinion, set("OpinionNewsArticle")},
	{KindGallery, set("ImageGallery", "MediaGallery")},
	{KindVideo, set("VideoObject")},
}

// kindPaths are the words in an address or section that say it.
var kindPaths = map[string]string{
	"live": KindLive, "liveblog": KindLive, "live-blog": KindLive, "opinion": KindOpinion, "opinions": KindOpinion,
	"op-ed": KindOpinion, "editorial": KindOpinion, "editorials": KindOpinion, "commentary": KindOpinion, "meinung": KindOpinion,
	"opinión": KindOpinion, "opinião": KindOpinion, "мнения": KindOpinion, "gallery": KindGallery, "galleries": KindGallery,
	"photos": KindGallery, "sponsored": KindPaid, "partner-content": KindPaid, "paid-content": KindPaid, "advertorial": KindPaid,
}

// kind sorts the page by what its markup, address and text say. What was paid
// for and what is opinion is said before how long it is.
func (p *page) kind(a Article) string {
	t := p.story()
	for _, k := range kindTypes {
		if t.is(k.types) {
			return k.kind
		}
	}
	words := strings.FieldsFunc(strings.ToLower(a.Section), func(r rune) bool { return r == ',' || r == '/' || r == ' ' })
	if p.base != nil {
		words = append(strings.Split(strings.ToLower(p.base.Path), "/"), words...)
	}
	for _, w := range words {
		if k := kindPaths[w]; k != "" {
			return k
		}
	}
	if SaysPaid(a.Title) || p.labelledPaid(a.Title) {
		return KindPaid
	}
	switch n := wordCount(a.Text); {
	case p.closed(t) && n < 3*BriefWords:
		return KindPaywall
	case n < BriefWords && countLetters(a.Text).han < 2*BriefWords:
		return KindBrief
	}
	return KindArticle
}

// paidLabels are the words that stand alone near the headline of what was paid for.
// "Advertisement", "Anzeige" and the like are not among them: they stand over banners.
var paidLabels = set("advertorial", "advertisement feature", "paid post", "paid content", "paid partner content", "sponsored content", "sponsored post", "sponsored article",
	"partner content", "branded content", "brand content", "content from our partners", "bezahlter inhalt", "gesponserter inhalt", "gesponserter beitrag", "bezahlte anzeige",
	"contenu sponsorisé", "contenu partenaire", "publi rédactionnel", "publirédactionnel", "publireportage", "contenido patrocinado", "publirreportaje", "contenuto sponsorizzato",
	"conteúdo patrocinado", "artykuł sponsorowany", "materiał sponsorowany", "komerční sdělení", "komerční článek", "gesponsorde inhoud",
	"на правах рекламы", "партнёрский материал", "партнерский материал", "sponsorlu içerik", "advertoriál", "広告特集", "محتوى ممول", "مادة إعلانية")

// labelledPaid reports whether such a label stands near the headline, up to the
// first paragraph. In menus and lists, and over another headline, it is of others.
func (p *page) labelledPaid(title string) bool {
	behind, before := p.header(title)
	near := before[:min(len(before), paidBefore)]
	for i, x := range behind {
		if len(x.text) > 120 {
			behind = behind[:i]
			break
		}
		if within(x.in, isHeading) != nil {
			behind = behind[:max(i-1, 0)] // without what stands over it
			break
		}
	}
	for _, x := range slices.Concat(near, behind) {
		if len(x.text) < 60 && paidLabels[norm(x.text)] && within(x.in, listed) == nil {
			return true
		}
	}
	return false
}

// paidBefore is how many texts before the headline may be such a label.
const paidBefore = 3

func listed(n *html.Node) bool {
	return n.DataAtom == atom.Nav || n.DataAtom == atom.Li || n.DataAtom == atom.Aside || n.DataAtom == atom.Footer
}

var paidHeadline = regexp.MustCompile(`(?i)^[\[(]?(?:advertorial|sponsored|sponsored (?:content|post)|paid (?:post|content)|partner content|anzeige|publireportage|publirreportaje|на правах рекламы)(?:[\])]|\s*[:|]) ?|[\[(](?:advertorial|sponsored|anzeige|paid post|реклама)[\])]$`)

// SaysPaid reports whether a headline calls itself paid for: "Sponsored: …", "… (Anzeige)".
func SaysPaid(headline string) bool { return paidHeadline.MatchString(strings.TrimSpace(headline)) }

// closed tells whether the page says that its text is not free.
func (p *page) closed(t thing) bool {
	free := strings.ToLower(fmt.Sprint(t["isAccessibleForFree"]))
	tier := strings.ToLower(p.metaFirst("article:content_tier"))
	return strings.Contains(free, "false") || tier == "locked" || tier == "metered"
}
