package feed

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// WordPressPosts is the address that lists a site's newest 20 posts with
// authors, pictures and categories. api is the root of the REST interface as
// the site announces it: "https://site.example/wp-json/" or
// "https://site.example/?rest_route=/".
func WordPressPosts(api string) string {
	u, err := url.Parse(api)
	if err != nil {
		return ""
	}
	const route = "wp/v2/posts"
	q := u.Query()
	if r := q.Get("rest_route"); r != "" {
		q.Set("rest_route", strings.TrimSuffix(r, "/")+"/"+route)
	} else {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + route
	}
	q.Set("_embed", "author,wp:featuredmedia,wp:term")
	q.Set("per_page", "20")
	q.Set("orderby", "date")
	q.Set("_fields", "id,date,date_gmt,modified_gmt,guid,link,slug,status,title,content,excerpt,authors,yoast_head_json,_links,_embedded")
	u.RawQuery = q.Encode()
	return u.String()
}

// post is what we read of wp/v2/posts. Everything is optional and of doubtful type.
type post struct {
	ID       int64   `json:"id"`
	Date     anyText `json:"date"` // the site's wall clock without a zone: a last resort
	DateGMT  anyText `json:"date_gmt"`
	Modified anyText `json:"modified_gmt"`
	GUID     anyText `json:"guid"`
	Link     anyText `json:"link"`
	Status   anyText `json:"status"`
	Title    anyText `json:"title"`
	Excerpt  anyText `json:"excerpt"`
	Content  loose[struct {
		Rendered  string `json:"rendered"`
		Protected bool   `json:"protected"`
	}] `json:"content"`
	Authors loose[[]struct { // PublishPress
		Name        anyText `json:"name"`
		DisplayName anyText `json:"display_name"`
	}] `json:"authors"`
	Yoast loose[struct {
		Author    anyText `json:"author"`
		Canonical anyText `json:"canonical"`
		Image     loose[[]struct {
			URL anyText `json:"url"`
		}] `json:"og_image"`
	}] `json:"yoast_head_json"`
	Links loose[struct {
		Shortlink loose[[]struct{ Href anyText }] `json:"wp:shortlink"`
	}] `json:"_links"`
	Embedded loose[struct {
		Author loose[[]struct {
			Name anyText `json:"name"`
		}] `json:"author"`
		Media loose[[]media]           `json:"wp:featuredmedia"`
		Term  loose[[]loose[[]wpTerm]] `json:"wp:term"`
	}] `json:"_embedded"`
}

type wpTerm struct {
	Name     anyText `json:"name"`
	Taxonomy anyText `json:"taxonomy"`
}

type media struct {
	SourceURL anyText `json:"source_url"`
	Alt       anyText `json:"alt_text"`
	Caption   anyText `json:"caption"`
	MimeType  anyText `json:"mime_type"`
	Details   loose[struct {
		Sizes map[string]struct {
			SourceURL anyText `json:"source_url"`
			Width     int     `json:"width"`
		} `json:"sizes"`
	}] `json:"media_details"`
}

func parseWordPress(body []byte, base string) (Feed, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return Feed{}, fmt.Errorf("the list of WordPress posts cannot be read: %w", err)
	}
	f := Feed{Kind: WordPress, SiteURL: siteOf(base)}
	posts := 0
	for _, r := range raw {
		var p post
		if json.Unmarshal(r, &p) != nil || p.Link == "" && p.ID == 0 {
			continue
		}
		posts++
		if len(f.Items) == MaxItems {
			f.Truncated = true
			break
		}
		if p.Status == "" || p.Status == "publish" {
			f.Items = append(f.Items, p.item())
		}
	}
	if len(raw) > 0 && posts == 0 {
		return Feed{}, ErrUnknown
	}
	return f, nil
}

// item brings a post into our form. A protected post keeps its headline only:
// what stands in its content is a password form.
func (p post) item() Item {
	it := Item{
		ID:        either(string(p.GUID), string(p.Link)),
		URL:       string(p.Link),
		Title:     string(p.Title),
		Published: firstDate(gmt(p.DateGMT), string(p.Date)),
		Updated:   firstDate(gmt(p.Modified)),
		Summary:   string(p.Excerpt),
		Content:   p.Content.v.Rendered,
		Author:    p.authors(),
	}
	if p.Content.v.Protected {
		it.Summary, it.Content = "", ""
	}
	if p.ID > 0 {
		it.AltIDs = append(it.AltIDs, "?p="+itoa(p.ID), "wp:"+itoa(p.ID))
	}
	for _, l := range p.Links.v.Shortlink.v {
		it.AltIDs = append(it.AltIDs, string(l.Href))
	}
	it.AltIDs = append(it.AltIDs, string(p.Yoast.v.Canonical))
	for _, terms := range p.Embedded.v.Term.v {
		for _, t := range terms.v {
			if t.Taxonomy == "category" || t.Taxonomy == "post_tag" {
				it.Categories = append(it.Categories, string(t.Name))
			}
		}
	}
	it.Image, it.ImageAlt, it.Credit = p.image()
	return it
}

func (p post) authors() []string {
	var out []string
	for _, a := range p.Authors.v {
		out = append(out, either(string(a.DisplayName), string(a.Name)))
	}
	if len(out) > 0 {
		return out
	}
	for _, a := range p.Embedded.v.Author.v {
		out = append(out, string(a.Name)) // "" where WordPress put an error object
	}
	if either(out...) == "" {
		out = append(out, string(p.Yoast.v.Author))
	}
	return out
}

// image is the featured picture in the size nearest above what a mail needs.
func (p post) image() (src, alt, credit string) {
	for _, m := range p.Embedded.v.Media.v {
		if m.SourceURL == "" || m.MimeType != "" && !strings.HasPrefix(string(m.MimeType), "image/") {
			continue
		}
		src, best := string(m.SourceURL), 0
		for _, name := range slices.Sorted(maps.Keys(m.Details.v.Sizes)) {
			s := m.Details.v.Sizes[name]
			if s.SourceURL != "" && s.Width >= 1000 && (best == 0 || s.Width < best) {
				src, best = string(s.SourceURL), s.Width
			}
		}
		return src, string(m.Alt), captionCredit(string(m.Caption))
	}
	for _, i := range p.Yoast.v.Image.v {
		return string(i.URL), "", ""
	}
	return "", "", ""
}

// gmt marks a WordPress date as UTC, which its text does not say.
// "0000-00-00T00:00:00" stands for none.
func gmt(d anyText) string {
	if d == "" || strings.HasPrefix(string(d), "0000") {
		return ""
	}
	if strings.HasSuffix(string(d), "Z") {
		return string(d)
	}
	return string(d) + "Z"
}

func siteOf(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/"
}
