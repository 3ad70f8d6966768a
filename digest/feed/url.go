package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Absolute resolves ref against base and returns an http or https address, or
// "" for anything else: other schemes (javascript:, data:, file:), addresses
// longer than 2,048 bytes, those without a host or with a user name in them.
// Fragments are kept.
func Absolute(base, ref string) string {
	ref = ampersands.Replace(strings.Map(dropControl, strings.TrimSpace(ref)))
	if ref == "" || len(ref) > maxURL {
		return ""
	}
	u, err := url.Parse(ref)
	if err != nil {
		u, err = url.Parse(strings.ReplaceAll(ref, "%", "%25")) // "100%" in a path
		if err != nil {
			return ""
		}
	}
	if !u.IsAbs() {
		b, err := url.Parse(strings.TrimSpace(base))
		if err != nil || !b.IsAbs() {
			return ""
		}
		u = b.ResolveReference(u)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	u.Host = asciiHost(u)
	s := u.String()
	if len(s) > maxURL {
		return ""
	}
	return s
}

// ampersands undoes escaping once too often, as of a link inside CDATA: no address
// means what it says then.
var ampersands = strings.NewReplacer("&amp;", "&", "&#038;", "&", "&#38;", "&")

// hostNames brings names in any script into the form that every program reads:
// what shows pictures in a mail often knows no other (RFC 5891).
var hostNames = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

func asciiHost(u *url.URL) string {
	for _, c := range []byte(u.Host) {
		if c < utf8.RuneSelf {
			continue
		}
		name, err := hostNames.ToASCII(u.Hostname())
		if err != nil {
			break
		}
		if port := u.Port(); port != "" {
			name += ":" + port
		}
		return name
	}
	return strings.ToLower(u.Host)
}

// dropControl removes the characters browsers ignore inside addresses, and
// with them the trick of hiding a scheme: "java\nscript:".
func dropControl(r rune) rune {
	if r < 0x20 || r == 0x7f {
		return -1
	}
	return r
}

// tracking lists the parameters that tell a publisher where a click came from
// and never which article is meant.
var tracking = map[string]bool{
	"fbclid": true, "gclid": true, "dclid": true, "gbraid": true, "wbraid": true, "msclkid": true, "yclid": true,
	"ysclid": true, "twclid": true, "ttclid": true, "igshid": true, "igsh": true, "mc_cid": true, "mc_eid": true,
	"ml_subscriber": true, "ml_subscriber_hash": true, "_hsenc": true, "_hsmi": true, "__hstc": true, "__hsfp": true,
	"__hssc": true, "hsctatracking": true, "mkt_tok": true, "oly_anon_id": true, "oly_enc_id": true, "vero_id": true,
	"vero_conv": true, "wickedid": true, "rb_clickid": true, "s_cid": true, "ncid": true, "cmpid": true, "at_medium": true,
	"at_campaign": true, "at_bbc_team": true, "at_link_id": true, "at_link_type": true, "at_link_origin": true, "at_format": true,
	"at_ptr_name": true, "xtor": true, "smid": true, "srnd": true, "sref": true, "guccounter": true, "guce_referrer": true,
	"guce_referrer_sig": true, "_openstat": true, "wt_mc": true, "wtrid": true, "spm": true, "cx_testid": true,
	"cx_testvariant": true, "ref_src": true, "ref_url": true, "ftag": true, "linkid": true, "fb_action_ids": true,
	"fb_action_types": true, "fb_source": true, "fb_ref": true, "action_object_map": true, "action_type_map": true,
}

func isTracking(name string) bool {
	name = strings.ToLower(name)
	return tracking[name] || strings.HasPrefix(name, "utm_") || strings.HasPrefix(name, "utm-") ||
		strings.HasPrefix(name, "hsa_") || strings.HasPrefix(name, "pk_") || strings.HasPrefix(name, "mtm_") ||
		strings.HasPrefix(name, "matomo_") || strings.HasPrefix(name, "piwik_")
}

// CleanURL removes what does not belong to an article's address: tracking
// parameters, a text fragment ("#:~:text=") or one used for tracking ("#xtor="),
// and the port that is the scheme's own. The order and the spelling of what
// remains are kept, because servers may care. An address it cannot read comes
// back as it is.
func CleanURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw
	}
	var kept []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && !isTracking(name) {
			kept = append(kept, pair)
		}
	}
	u.RawQuery, u.ForceQuery = strings.Join(kept, "&"), false
	if name, _, _ := strings.Cut(u.Fragment, "="); strings.HasPrefix(u.Fragment, ":~:") || isTracking(name) {
		u.Fragment, u.RawFragment = "", ""
	}
	if p := u.Port(); p == "80" && u.Scheme == "http" || p == "443" && u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":"+p)
	}
	return u.String()
}

var postNumber = regexp.MustCompile(`[?&](?:p|page_id)=(\d{1,12})(?:&|#|$)`)

// altIDs gathers an item's other names, without its address, each once.
func altIDs(it Item) []string {
	var out []string
	add := func(s string) {
		if s == "" || s == it.URL || len(s) > maxURL {
			return
		}
		for _, have := range out {
			if have == s {
				return
			}
		}
		out = append(out, s)
	}
	for _, s := range append([]string{it.ID}, it.AltIDs...) {
		if m := postNumber.FindStringSubmatch(s); m != nil {
			add("?p=" + m[1])
		}
		add(strings.TrimSpace(s))
	}
	return out
}

// hash is a short name for texts that have no id of their own.
func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}
