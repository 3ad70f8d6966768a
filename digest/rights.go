package digest

import "regexp"

// wires are agencies whose pictures a site may show, but not hand on.
var wires = regexp.MustCompile(`(?m)\b(?i:AFP|Agence France|Associated Press|Reuters|Getty|EPA(?:-EFE)?|Xinhua|Anadolu|Shutterstock|Alamy|Bloomberg|ANSA|dpa|PTI|PA (?:Media|Wire|Images)|IMAGO|TASS|Sputnik|Kyodo|Yonhap|Zuma ?Press|SOPA Images|NurPhoto|Press Association|Depositphotos|iStock|Press Trust of India|Scanpix|Ukrinform|Interfax)\b|\b(?:AP|APP|AAP|ANI|EFE|UPI|ANP|IRNA)(?: ?Photo|/|\s*$|[,;:)·|.])|[/(©] ?(?:AP|APP|AAP|ANI|EFE|UPI|ANP|IRNA)\b|ТАСС|РИА Новости|Рейтер|新华社|法新社|路透|رويترز|فرانس برس|رائٹرز|اے ایف پی|اے پی`)

// wireHosts are words in the addresses of agencies' pictures.
var wireHosts = regexp.MustCompile(`(?i)gettyimages|[/.]afp(?:\.com|-)|reutersmedia|apimages|shutterstock|alamy|imago-images|epaimages`)

// mayShow reports whether the right to a source's pictures covers this one.
func mayShow(src Source, address, credit string) bool {
	switch {
	case src.Settings.Pictures != "":
		return src.Settings.Pictures == "licensed"
	case src.Rights == "quote":
		return false // the right to quote does not cover pictures
	}
	return !wires.MatchString(credit) && !wireHosts.MatchString(address)
}
