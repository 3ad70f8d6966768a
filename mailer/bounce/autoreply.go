package bounce

import (
	"regexp"
	"strings"
)

// away are subjects of answers that no person wrote.
var away = regexp.MustCompile(`^\s*(?:auto(?:matic|mated|matische)?[ :-]*(?:repl|respon|antwort|answer)|auto:|automatic reply|out of (?:the )?office|ooo\b|on vacation|vacation|away\b|abwesen|réponse automatique|respuesta automática|risposta automatica|отсутств|автоответ|不在)`)

// autoreplies recognises automatic answers (RFC 3834) and their older signs.
func autoreplies(m *mail) []Report {
	h := m.header
	submitted := h.text("Auto-Submitted")
	switch {
	case strings.HasPrefix(submitted, "auto-replied"): // RFC 3834 section 5
	case submitted == "no":
		return nil
	case h.has("X-Autoreply"), h.has("X-Autorespond"), h.has("X-Autoresponder"), h.has("X-Auto-Reply"):
	case strings.HasPrefix(h.text("Precedence"), "auto"):
	case away.MatchString(h.text("Subject")):
	default:
		return nil
	}
	return []Report{{Kind: KindAutoreply, Recipient: firstAddress(h.get("From")), Class: None, Reason: "vacation"}}
}
