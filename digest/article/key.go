package article

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Key names one article everywhere: 32 lower-case hex digits, the first 16
// bytes of the SHA-256 of its canonical URL.
type Key string

// ErrNotWeb is returned for an address that is not an absolute http or https
// URL with a usable host; there is no article behind it.
var ErrNotWeb = errors.New("not an http or https address")

// KeyOf is the one way to an article's key, for the collector, the beacon and
// the log reader alike. The error is Canonical's.
func KeyOf(raw string) (Key, error) {
	canonical, err := Canonical(raw)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(canonical))
	return Key(hex.EncodeToString(sum[:16])), nil
}

// Canonical returns the form of a URL that all spellings of one article share.
// It is an identity, not a link: "www." is left out and http becomes https, so
// it may not resolve. Query parameters that only track a visit, fragments,
// user names, default ports, a trailing slash and AMP marks are dropped; the
// rest of the query is sorted, percent-encoding is normalised (RFC 3986
// section 6.2.2), and the host is lower-case in A-label form (RFC 5891).
//
// Canonical is idempotent. The error wraps ErrNotWeb, or says why the URL
// cannot be parsed.
func Canonical(raw string) (string, error) {
	u, err := url.Parse(escapeStray(strip(raw)))
	if err != nil {
		return "", fmt.Errorf("canonical address: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("canonical address %q: %w", clip(raw), ErrNotWeb)
	}
	host, err := canonicalHost(u)
	if err != nil {
		return "", fmt.Errorf("canonical address %q: %w", clip(raw), err)
	}
	out := "https://" + host + canonicalPath(u.EscapedPath())
	if q := canonicalQuery(u.RawQuery); q != "" {
		out += "?" + q
	}
	return out, nil
}

// strip trims white space and drops the tabs and line ends that browsers drop
// inside an address (WHATWG URL, section 4.4).
func strip(raw string) string {
	return strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.TrimSpace(raw))
}

// escapeStray turns a "%" that starts no escape into "%25", where net/url would
// refuse the whole address.
func escapeStray(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] == '%' && !(i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])) {
			b.WriteString("25")
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}

// canonicalHost is the host in lower-case A-labels without "www." and default
// port. A port stays only when it is neither 80 nor 443.
func canonicalHost(u *url.URL) (string, error) {
	host := siteHost(u.Hostname())
	if host == "" {
		return "", ErrNotWeb
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := strings.TrimLeft(u.Port(), "0")
	if port != "" && port != "80" && port != "443" {
		host += ":" + port
	}
	return host, nil
}

// hostNames maps a host to A-labels without refusing the underscores that real
// sites have.
var hostNames = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// siteHost normalises a bare host name; "" when it is none. IP addresses come
// back as they are.
func siteHost(host string) string {
	host = strings.ToLower(strings.TrimRight(host, "."))
	if strings.Contains(host, ":") {
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || ip.Zone() != "" {
			return ""
		}
		return ip.String()
	}
	host, err := hostNames.ToASCII(host)
	if err != nil || len(host) > 253 || strings.ContainsFunc(host, badInHost) { // RFC 1035 section 2.3.4, without the root
		return ""
	}
	host = strings.Trim(host, ".")
	for strings.HasPrefix(host, "www.") && strings.Count(host, ".") > 1 {
		host = strings.TrimLeft(host[len("www."):], ".")
	}
	return host
}

func badInHost(r rune) bool {
	return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_')
}

// canonicalPath normalises escapes, resolves dots and double slashes, and takes
// off a trailing slash and AMP's mark. The root is "/".
func canonicalPath(escaped string) string {
	p := path.Clean("/" + normalizeEscapes(escaped))
	for {
		shorter := p
		if cut, _, found := cutParameter(shorter, ";jsessionid="); found {
			shorter = cut
		}
		shorter = strings.TrimSuffix(shorter, "/amp")
		shorter = strings.TrimSuffix(shorter, "/amp.html")
		if before, found := strings.CutSuffix(shorter, ".amp.html"); found && !strings.HasSuffix(before, "/") {
			shorter = before + ".html"
		}
		shorter = path.Clean("/" + shorter)
		if shorter == p {
			return p
		}
		p = shorter
	}
}

// cutParameter is strings.Cut without regard to the case of ASCII letters.
func cutParameter(s, mark string) (before, after string, found bool) {
	i := strings.Index(asciiLower(s), mark)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(mark):], true
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// normalizeEscapes decodes what need not be escaped (RFC 3986 section 2.3),
// escapes what must be, and writes hex digits in upper case.
func normalizeEscapes(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, escaped := s[i], false
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			v, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			c, escaped, i = byte(v), true, i+2
		}
		if unreserved(c) || !escaped && strings.IndexByte("!$&'()*+,;=:@/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// canonicalQuery drops tracking and empty parts, normalises the others and
// sorts them. A value-less "key=" equals "key".
func canonicalQuery(raw string) string {
	var kept []string
	for _, part := range strings.Split(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, value = queryEscape(name), queryEscape(value)
		if name == "" || tracks(name, value) {
			continue
		}
		if value != "" {
			name += "=" + value
		}
		kept = append(kept, name)
	}
	slices.Sort(kept)
	return strings.Join(slices.Compact(kept), "&")
}

// queryEscape gives one part of a query in one spelling; "+" and "%20" are both
// a space there.
func queryEscape(s string) string {
	s, err := url.QueryUnescape(escapeStray(s))
	if err != nil {
		return ""
	}
	return url.QueryEscape(s)
}

// trackers are query parameters that say how a reader came, not what he reads.
var trackers = map[string]bool{
	"_ga": true, "_gl": true, "_hsenc": true, "_hsmi": true, "__hssc": true, "__hstc": true, "__hsfp": true,
	"__s": true, "__twitter_impression": true, "action_object_map": true, "action_ref_map": true, "action_type_map": true,
	"campaign_id": true, "cmp": true, "cmpid": true, "cmpssrc": true, "dclid": true, "epik": true,
	"fb_action_ids": true, "fb_action_types": true, "fb_comment_id": true, "fb_ref": true, "fb_source": true, "fbclid": true,
	"ftag": true, "gbraid": true, "gclid": true, "gclsrc": true, "guccounter": true, "gws_rd": true, "hsctatracking": true,
	"icid": true, "igsh": true, "igshid": true, "jsessionid": true, "li_fat_id": true, "mkt_tok": true, "ml_subscriber": true,
	"ml_subscriber_hash": true, "msclkid": true, "ncid": true, "ocid": true, "openstat": true, "phpsessid": true,
	"rb_clickid": true, "ref": true, "ref_src": true, "ref_url": true, "referrer": true, "replytocom": true, "rss_id": true,
	"s_cid": true, "share": true, "smid": true, "smtyp": true, "soc_src": true, "soc_trk": true, "source": true,
	"spm": true, "src": true, "srcid": true, "srsltid": true, "tblci": true, "ttclid": true, "twclid": true, "vero_conv": true,
	"vero_id": true, "wbraid": true, "wickedid": true, "wt_mc": true, "wt_zmc": true, "xtor": true, "yclid": true, "ysclid": true,
}

var trackerPrefixes = []string{"utm_", "mc_", "pk_", "piwik_", "mtm_", "matomo_", "hsa_", "oly_", "guce_", "at_", "itm_", "nr_email_", "stm_"}

// tracks tells whether a query parameter leaves the article the same; AMP and
// print switches count as well.
func tracks(name, value string) bool {
	name = strings.ToLower(name)
	if trackers[name] || name == "amp" || name == "outputtype" && value == "amp" {
		return true
	}
	return slices.ContainsFunc(trackerPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Aliases returns the other names of an article, so that what a feed, a
// beacon, a log and an older counter call it can meet: "wp:HOST:48213" for a
// WordPress number in whatever form (48213, postid-48213, ?p=48213, a REST
// address, a wp.me shortlink), "url:KEY" for a further address, "id:HOST:TEXT"
// for any other identifier of the site. HOST is the article's own site: a
// guid that still holds the name of a staging server means the same number.
// An empty host is taken from the id's address, where it has one. The result
// is sorted, without duplicates, and nil when no id says anything.
func Aliases(host string, ids ...string) []string {
	host = hostOf(host)
	var out []string
	for _, id := range ids {
		if a := alias(host, strip(id)); a != "" {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hostOf takes a host, a host with port or a whole URL.
func hostOf(s string) string {
	if !strings.Contains(s, "//") {
		s = "//" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	host, err := canonicalHost(u)
	if err != nil {
		return ""
	}
	return host
}

func alias(host, id string) string {
	if id == "" {
		return ""
	}
	u, err := url.Parse(escapeStray(id))
	web := err == nil && (u.Scheme == "http" || u.Scheme == "https")
	if web && host == "" {
		host = hostOf(id)
	}
	number := ""
	if web {
		number = numberInURL(u)
	} else {
		number = plainNumber(id)
	}
	switch {
	case number != "" && host != "":
		return "wp:" + host + ":" + number
	case web:
		key, err := KeyOf(id)
		if err != nil {
			return ""
		}
		return "url:" + string(key)
	case host == "":
		return ""
	}
	return "id:" + host + ":" + shortID(id)
}

// numberPrefixes are how themes and feeds write a WordPress number.
var numberPrefixes = []string{"wp:", "postid-", "post-", "post_", "page-id-", "post:", "p="}

// plainNumber reads 48213, postid-48213 and the like; "" for anything else.
func plainNumber(id string) string {
	for _, p := range numberPrefixes {
		id = strings.TrimPrefix(id, p)
	}
	return postNumber(id)
}

// postNumber is s without leading zeros when it is a positive decimal number
// that WordPress (an unsigned 64-bit key) could have given.
func postNumber(s string) string {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// numberInURL finds WordPress's number in ?p=, ?page_id=, a REST address or a
// wp.me shortlink.
func numberInURL(u *url.URL) string {
	if siteHost(u.Hostname()) == "wp.me" {
		return shortlinkNumber(strings.Trim(u.Path, "/"))
	}
	q := u.Query()
	if u.Path == "" || u.Path == "/" || strings.HasSuffix(u.Path, "/index.php") {
		for _, name := range []string{"p", "page_id"} {
			if n := postNumber(q.Get(name)); n != "" {
				return n
			}
		}
	}
	rest := u.Path + q.Get("rest_route")
	for _, kind := range []string{"/wp/v2/posts/", "/wp/v2/pages/"} {
		if _, after, found := strings.Cut(rest, kind); found {
			return postNumber(strings.Trim(after, "/"))
		}
	}
	return ""
}

// shortlinkNumber decodes the post of wp.me/pBLOG-POST, both numbers written
// to base 62 with digits, then small, then capital letters.
func shortlinkNumber(code string) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	_, post, found := strings.Cut(code, "-")
	if !found || code[0] != 'p' && code[0] != 'P' || post == "" || len(post) > 10 {
		return ""
	}
	var n uint64
	for _, c := range []byte(post) {
		d := strings.IndexByte(digits, c)
		if d < 0 {
			return ""
		}
		n = n*62 + uint64(d)
	}
	return postNumber(strconv.FormatUint(n, 10))
}

// shortID keeps an opaque identifier as it is while it is short, and its hash
// when it is long or not text.
func shortID(id string) string {
	if len(id) <= 200 && strings.ToValidUTF8(id, "") == id {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}
