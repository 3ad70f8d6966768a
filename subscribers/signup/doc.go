// Package signup serves readers' own pages: sign-up, confirmation,
// preferences, unsubscribe. They need no JavaScript, no cookies and no
// sign-in: whoever holds a signed link from a mail is its reader.
//
//	GET  /subscribe              the form; ?list=daily ticks a list, ?lang=ur chooses a language
//	GET  /subscribe/form         the same for a frame on the publisher's page
//	POST /subscribe              posts a confirmation letter; the answer is the same for every address
//	GET  /confirm/{token}        a button; POST presses it
//	GET  /u/{token}              a button; POST unsubscribes at once (RFC 8058)
//	GET  /preferences/{token}    the reader's own page; POST stores it, or has a letter sent to him
//	GET  /yours/{token}          what the letter's link opens: POST asks a new address, or erases the reader
//	GET  /yours/{token}/data     what is held about the reader, as JSON
//	GET  /move/{token}           a button in the letter to the new address; POST presses it
//
// A GET changes nothing: mail scanners and previews follow links.
package signup
