package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/mailer/dns"
	"pressrun/templates"
)

// alarmTitles say what an alarm of each kind is about; %s is the issue, source,
// relay, record or disk by its name.
var alarmTitles = map[string]string{
	"slot":           "%s did not go out",
	"issue":          "%s was skipped: too few stories",
	"approval":       "%s is due, and nobody has approved it",
	"audience":       "%s is held: its readers are not as usual",
	"preflight":      "%s is held: a check failed",
	"site":           "%s is held: the site is in trouble",
	"parked":         "Of %s it is not known whether all copies arrived",
	"breaker":        "%s is stopped: too many copies were refused",
	"failing source": "%s cannot be read",
	"silent source":  "%s has published nothing new",
	"late":           "%s goes out too slowly: copies will expire",
	"slow":           "The relay %s answers slowly",
	"relay":          "No mail leaves by the relay %s",
	"quota":          "The relay %s has sent all it may for now",
	"letters":        "Letters are refused: new readers cannot confirm",
	"unreached":      "Our letters to %s do not arrive",
	"stopped":        "No mail leaves: sending is stopped",
	"arming":         "No mail leaves: this server has another name now",
	"dns":            "The %s record of our mail is gone",
	"intake":         "Returned mail cannot be read",
	"address":        "Links in our mails do not work",
	"certificate":    "The certificate of our web address is about to end",
	"proxy":          "All readers count as one: a proxy is not named",
	"views":          "Visits to the site cannot be counted",
	"uncounted":      "Visits to the site were not counted for a while",
	"disk":           "The disk of %s is nearly full",
	"journal":        "Who leaves is not written to the journal",
	"clock":          "The clock of this server was put back",
	"keys":           "The file of the link keys is not in order",
	"ledger":         "Sending waits: the database cannot be written",
}

// AlarmTitle says what an alarm is about in the words of a newsroom, and where at
// the desk one looks at it: Today when nowhere in particular. What cannot be found
// is called by its subject.
func AlarmTitle(ctx context.Context, store *digest.Store, kind, subject string) (title, at string) {
	title, at = alarmTitles[kind], "/desk/"
	if title == "" {
		title = kind + ": %s"
	}
	name := subject
	switch kind {
	case "slot":
		name, at = slotName(ctx, store, subject), "/desk/issues"
	case "failing source", "silent source":
		name, at = sourceName(ctx, store, subject)
	case "issue", "approval", "audience", "preflight", "site", "breaker", "parked", "late", "ledger":
		if id, err := strconv.ParseInt(strings.TrimPrefix(subject, "issue "), 10, 64); err == nil {
			name, at = issueName(ctx, store, id)
			if kind == "ledger" {
				title = "The copies of %s do not add up"
			}
		}
	case "arming":
		if subject == "none" {
			title = "No mail leaves: there is no relay"
		}
	case "unreached":
		if at = "/desk/bounces/mail"; !strings.Contains(subject, "@") {
			title, at = "Alarms do not reach the webhook", "/desk/"
		}
	case "relay", "slow", "quota":
		at = "/desk/deliverability"
	case "dns":
		name = strings.ToUpper(subject)
		if !slices.Contains(dns.Kinds, subject) {
			title = "The DNS does not answer: mail may not leave"
		}
	case "intake": // subject is a mailbox, our own address, or a service
		if strings.Contains(subject, "://") {
			break
		}
		title = "Returned mail does not reach us"
		if !strings.Contains(subject, "@") {
			title = "A mail service asks whether it may report bounces"
		}
	case "views":
		if subject == "visits" {
			title = "Hardly any visits to the site are counted"
		}
	}
	if strings.Contains(title, "%s") {
		title = fmt.Sprintf(title, name)
	}
	return title, at
}

// slotName is a slot as people say it, of its newsletter's name and its time.
func slotName(ctx context.Context, store *digest.Store, subject string) string {
	name, when, _ := strings.Cut(subject, " ")
	at, err := time.Parse(time.RFC3339, when)
	if err != nil {
		return subject
	}
	n, err := store.NewsletterNamed(ctx, name)
	if err != nil {
		return subject
	}
	spec := n.Spec.WithDefaults(n.Name)
	if zone, err := time.LoadLocation(spec.Zone); err == nil {
		at = at.In(zone)
	}
	return spec.Title + " of " + templates.Words("en").FullDate(at) + at.Format(", 15:04 MST,")
}

func sourceName(ctx context.Context, store *digest.Store, subject string) (name, at string) {
	_, number, _ := strings.Cut(subject, ", number ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return subject, "/desk/sources"
	}
	src, err := store.Source(ctx, id)
	if err != nil {
		return subject, "/desk/sources"
	}
	return cmp.Or(src.Title, src.Host), fmt.Sprintf("/desk/sources/%d", id)
}

func issueName(ctx context.Context, store *digest.Store, id int64) (name, at string) {
	i, err := store.Issue(ctx, id)
	if err != nil {
		return fmt.Sprintf("Issue %d", id), issueURL(id)
	}
	return fmt.Sprintf("%s No. %d", i.Spec.Title, i.Number), issueURL(id)
}
