// Package writer has a language model write summaries, and believes it nothing.
//
// Any endpoint that speaks the OpenAI chat completions protocol will do. One
// answer goes this way:
//
//	article ─strip, cut→ {"headline","article"} ─cache, breaker, daily cap→ POST ─strict JSON→ text ─guards→ summary
//
// Whatever goes wrong on the way, from a time-out to a number that does not
// stand in the article, is a [Refused] or a [Failed] with a sentence for the
// desk; the caller prints the sentences chosen from the article instead.
//
// What it promises, each with a stub server in the tests that misbehaves that
// way: nothing is printed that holds a number, date, currency, name or quotation
// which the article does not, that turns a negation or drops who says so, that
// accuses without the denial, brings more than a quarter of new words, an
// address, markup, our own prompt or an excuse; no article is sent twice, none
// after the day's cap, none that speaks to language models, none in a language
// whose guards are not written; redirects are not followed; the key is in no
// message and no log.
//
// # Decisions
//
// 2026-11-25: Plain net/http, no client library. It is one POST; the official
// library had three major versions in a year, and other servers (Ollama, vLLM,
// llama.cpp) follow the common part of the protocol alone.
//
// 2026-11-25: Guards refuse too much rather than too little. A new demonym
// ("French" for France), a rounded number or a sentence that drops "police
// said" costs nothing but the model's text, because the chosen sentences are
// there. Entailment by a second model was left out: it would be another text
// that nobody can check.
//
// 2026-11-25: A negation is compared with the sentence of the article that
// holds most of the same words, not counted over the whole text: of a long
// article with one "not" every summary without it would be refused.
//
// 2026-11-25: Tokens are reserved in the database before a request and settled
// after it. What timed out keeps its reservation: the provider may bill it.
package writer
