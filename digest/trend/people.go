package trend

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// robots are lower-case parts of the user agents of programs. The order puts
// the frequent ones first. "bot", "crawl" and "spider" alone find most of
// those who say what they are.
var robots = []string{
	"bot", "crawl", "spider", "http://", "https://", "headless", "preview", "monitor", "fetch", "scan", "archive",
	"feed", "rss", "reader", "aggregat", "slurp", "lighthouse", "pagespeed", "gtmetrix", "webpagetest",
	"facebookexternalhit", "facebookcatalog", "meta-external", "whatsapp", "telegram", "skypeuri", "slack-img", "embedly",
	"quora link", "pinterest/", "vkshare", "w3c_validator", "validator", "bitlybot", "nuzzel", "flipboard",
	"curl/", "wget", "python", "java/", "okhttp", "go-http", "libwww", "lwp-", "perl", "ruby", "php/", "guzzle",
	"axios", "node-", "undici", "aiohttp", "httpx", "scrapy", "apache-http", "httpclient", "http_client", "http-client",
	"winhttp", "restsharp", "postman", "insomnia", "httpie", "powershell", "dart:io", "cfnetwork", "hackney", "faraday",
	"mechanize", "typhoeus", "phantomjs", "selenium", "webdriver", "puppeteer", "playwright", "cypress", "electron/test",
	"google-read-aloud", "google-inspection", "googleother", "google-extended", "mediapartners", "adsbot", "apis-google",
	"feedburner", "bingpreview", "yahoo pipes", "ia_archiver", "heritrix", "nutch", "httrack", "teleport", "webcopier",
	"sitesucker", "offline explorer", "blackwidow", "webzip", "winhttrack", "netsparker", "nikto", "nessus", "nmap", "masscan",
	"zgrab", "sqlmap", "qualys", "acunetix", "wpscan", "dirbuster", "gobuster", "semrush", "ahrefs", "mj12", "dotbot",
	"rogerbot", "screaming frog", "deepcrawl", "sistrix", "seokicks", "serpstat", "dataforseo", "majestic", "moz.com",
	"uptime", "pingdom", "statuscake", "site24x7", "newrelic", "datadog", "dynatrace", "gomez", "catchpoint", "nagios",
	"zabbix", "icinga", "checkly", "freshping", "hetrix", "gpt", "openai", "claude", "anthropic", "perplexity", "ccbot",
	"bytespider", "cohere-ai", "ai2bot", "diffbot", "omgili", "timpibot", "petalbot", "yandeximages", "baidu", "sogou",
	"outbrain", "taboola", "ias-", "admantx", "grapeshot", "proximic", "comscore", "doubleverify", "peer39", "trendsmap",
	"turnitin", "plagiar", "copyscape", "link check", "linkcheck", "deadlink", "xenu", "wordpress/", "drupal", "jetpack",
	"mail.ru", "mailchimp", "outlook-ios-test", "ms search", "windows-rss", "sharepoint", "skype", "zoominfo", "nutshell",
}

// isRobot tells programs by the user agent they send. People's browsers all
// say Mozilla/ or Opera/ for historical reasons.
func isRobot(agent string) bool {
	a := strings.ToLower(agent)
	if !strings.HasPrefix(a, "mozilla/") && !strings.HasPrefix(a, "opera/") {
		return true
	}
	for _, part := range robots {
		if strings.Contains(a, part) {
			return true
		}
	}
	return false
}

// memo remembers what was made of a text: verdicts on user agents, keys of
// addresses, of which a site sees a few thousand again and again.
type memo[V any] struct {
	mu   sync.RWMutex
	kept map[string]V
}

// memoKept bounds what a memo holds; memoLong is what it does not look at.
const (
	memoKept = 8192
	memoLong = 512
)

// of is what made makes of text.
func (m *memo[V]) of(text string, made func(string) V) V {
	if len(text) > memoLong {
		return made(text)
	}
	m.mu.RLock()
	v, ok := m.kept[text]
	m.mu.RUnlock()
	if ok {
		return v
	}
	v = made(text)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || len(m.kept) >= memoKept {
		m.kept = make(map[string]V)
	}
	m.kept[text] = v
	return v
}

// prefetched tells requests that browsers and proxies make ahead of the reader.
func prefetched(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		v := strings.ToLower(h.Get(name))
		if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}

// previews are query parameters of pages that only editors see: WordPress and
// its page builders, Drupal, Ghost, Typo3.
var previews = []string{
	"preview", "preview_id", "preview_nonce", "_thumbnail_id", "customize_changeset_uuid", "elementor-preview", "et_fb",
	"fl_builder", "vc_editable", "wp-preview", "_preview", "ADMCMD_prev",
}

func isPreview(page *url.URL, q url.Values) bool {
	if strings.Contains(page.Path, "/wp-admin/") {
		return true
	}
	for _, name := range previews {
		if q.Has(name) {
			return true
		}
	}
	return false
}
