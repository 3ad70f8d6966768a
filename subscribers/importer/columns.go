package importer

import (
	"encoding/json"
	"regexp"
	"strings"

	"pressrun/subscribers"
	"pressrun/subscribers/address"
)

// headings are the names of known columns as files have them, folded: letters
// and digits only.
var headings = map[string]string{
	"email": "email", "emailaddress": "email", "mail": "email", "mailaddress": "email", "address": "email", "useremail": "email", "subscriberemail": "email",
	"emailadresse": "email", "correo": "email", "correoelectronico": "email", "courriel": "email", "adresseemail": "email", "почта": "email", "электроннаяпочта": "email",
	"эмейл": "email", "имейл": "email", "ایمیل": "email", "ایمیلپتہ": "email", "بریدالکتروني": "email",
	"name": "name", "fullname": "name", "subscribername": "name", "имя": "name", "نام": "name", "nombre": "name", "nom": "name", "displayname": "name",
	"firstname": "first", "fname": "first", "givenname": "first", "vorname": "first", "prenom": "first",
	"lastname": "last", "lname": "last", "surname": "last", "familyname": "last", "nachname": "last", "фамилия": "last",
	"language": "language", "lang": "language", "locale": "language", "язык": "language", "زبان": "language", "sprache": "language",
	"zone": "zone", "timezone": "zone", "tz": "zone",
	"textonly": "text_only", "plaintext": "text_only",
	"status": "status", "state": "status", "subscriptionstatus": "status", "emailmarketingconsent": "status",
	"attributes": "attributes", "attribs": "attributes",
	"id": "-", "uuid": "-", "createdat": "-", "updatedat": "-", "memberrating": "-", "optintime": "-", "optinip": "-", "confirmtime": "-", "confirmip": "-",
	"euid": "-", "leid": "-", "lists": "lists", "suppressed": "suppressed",
}

var notWord = regexp.MustCompile(`[^\p{L}\p{N}]+`)

func foldHeading(h string) string { return notWord.ReplaceAllString(strings.ToLower(h), "") }

// column is what a column of the file is for.
type column struct {
	Heading string `json:"heading"` // as in the file; "" = it has none
	Field   string `json:"field"`   // email name first last language zone text_only status attributes attrs.x; "-" = ignored
}

// columnsOf reads the headings of a file. ok is false when the row is no heading
// but a reader: one of its fields is an address.
func columnsOf(row []string) (columns []column, ok bool) {
	for _, cell := range row {
		if _, err := address.Parse(strings.TrimSpace(cell)); err == nil {
			return guess(row), false
		}
	}
	taken := map[string]bool{}
	for _, cell := range row {
		cell = strings.TrimSpace(cell)
		field, known := headings[foldHeading(cell)]
		if !known {
			field = attribute(cell)
		}
		if taken[field] && field != "-" {
			field = "-"
		}
		taken[field] = true
		columns = append(columns, column{clean(cell, 60), field})
	}
	return columns, true
}

// guess maps columns without headings: the address, and a name beside it when
// there is just one more.
func guess(row []string) []column {
	columns := make([]column, len(row))
	found := false
	for i, cell := range row {
		columns[i].Field = "-"
		if _, err := address.Parse(strings.TrimSpace(cell)); err == nil && !found {
			columns[i].Field, found = "email", true
		}
	}
	if len(row) == 2 {
		for i := range columns {
			if columns[i].Field == "-" {
				columns[i].Field = "name"
			}
		}
	}
	return columns
}

var latin = regexp.MustCompile(`[^a-z0-9]+`)

// attribute is the field for a column that is none of ours: attrs.city. Ignored
// when nothing of the heading can be a name.
func attribute(heading string) string {
	name := strings.Trim(latin.ReplaceAllString(strings.ToLower(heading), "_"), "_")
	if name == "" || name[0] < 'a' {
		return "-"
	}
	return "attrs." + name[:min(len(name), 64)]
}

// gone are the states of other programs that mean: do not write.
var gone = map[string]bool{
	"unsubscribed": true, "cleaned": true, "bounced": true, "complained": true, "blocklisted": true, "blacklisted": true, "suppressed": true, "inactive": true,
	"disabled": true, "spam": true, "unconfirmed": true, "pending": true, "nonsubscribed": true, "archived": true, "deleted": true, "expired": true, "paused": true,
}

// person is a row in our terms.
type person struct {
	subscribers.Subscriber
	inactive string // the file's own word for not to be written to
}

// read makes a person of a row of a file for list. Only a wrong address is an error: a language or
// zone that we do not know is left out and reported as a remark.
func read(columns []column, row []string, list string) (p person, remark string, err error) {
	p.Attrs = map[string]string{}
	first, last, email := "", "", ""
	for i, cell := range row {
		if i >= len(columns) {
			break
		}
		cell = strings.TrimSpace(strings.ToValidUTF8(cell, ""))
		if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune("=+-@", rune(cell[1])) {
			cell = cell[1:] // as exports disarm formulas
		}
		switch field := columns[i].Field; field {
		case "email":
			email = strings.TrimSpace(row[i])
		case "name":
			p.Name = cell
		case "first":
			first = cell
		case "last":
			last = cell
		case "language":
			p.Language = strings.ReplaceAll(cell, "_", "-")
		case "zone":
			p.Zone = cell
		case "text_only":
			p.TextOnly = strings.EqualFold(cell, "true") || cell == "1" || strings.EqualFold(cell, "yes")
		case "status":
			if gone[latin.ReplaceAllString(strings.ToLower(cell), "")] {
				p.inactive = clean(cell, 40)
			}
		case "suppressed": // of our own exports
			p.inactive = clean(cell, 40)
		case "lists": // the same: "daily:active weekend:unsubscribed"
			if _, rest, ok := strings.Cut(" "+cell, " "+list+":"); ok && p.inactive == "" {
				if state, _, _ := strings.Cut(rest, " "); state != string(subscribers.Active) {
					p.inactive = clean(state, 40)
				}
			}
		case "attributes":
			readAttributes(p.Attrs, cell)
		default:
			if name, ok := strings.CutPrefix(field, "attrs."); ok && cell != "" {
				p.Attrs[name] = cell
			}
		}
	}
	if p.Name == "" {
		p.Name = strings.TrimSpace(first + " " + last)
	}
	if p.Email, err = address.Parse(email); err != nil {
		return p, "", err
	}
	return p, tidy(&p.Subscriber), nil
}

// tidy leaves out what cannot be kept and says so.
func tidy(v *subscribers.Subscriber) (remark string) {
	for range 3 {
		err := v.Tidy()
		if err == nil {
			return remark
		}
		remark = err.Error()
		switch {
		case (&subscribers.Subscriber{Language: v.Language}).Tidy() != nil:
			v.Language = ""
		case (&subscribers.Subscriber{Zone: v.Zone}).Tidy() != nil:
			v.Zone = ""
		default:
			v.Attrs = nil
		}
	}
	return remark
}

// readAttributes takes flat values out of a JSON object, as other programs
// export them.
func readAttributes(into map[string]string, text string) {
	var all map[string]any
	if json.Unmarshal([]byte(text), &all) != nil {
		return
	}
	for k, v := range all {
		name, ok := strings.CutPrefix(attribute(k), "attrs.")
		if !ok || len(into) >= subscribers.MaxAttrs {
			continue
		}
		switch v := v.(type) {
		case string:
			into[name] = v
		case bool, float64:
			b, _ := json.Marshal(v)
			into[name] = string(b)
		}
	}
}

// clean is text fit for a report.
func clean(text string, n int) string {
	v := subscribers.Subscriber{Name: text}
	if v.Tidy() != nil {
		return ""
	}
	if r := []rune(v.Name); len(r) > n {
		return string(r[:n]) + "…"
	}
	return v.Name
}
