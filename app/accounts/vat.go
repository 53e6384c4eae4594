package accounts

import (
	"regexp"
	"strings"
)

// vatForms are how the VAT numbers of the member states are written after the two
// letters of the country, as the Commission's VIES lists them. Greece writes EL, and
// Northern Ireland, which trades goods as a member does, XI.
const vatForms = `AT U[0-9]{8}
BE [01][0-9]{9}
BG [0-9]{9,10}
CY [0-9]{8}[A-Z]
CZ [0-9]{8,10}
DE [0-9]{9}
DK [0-9]{8}
EE [0-9]{9}
EL [0-9]{9}
ES [A-Z0-9][0-9]{7}[A-Z0-9]
FI [0-9]{8}
FR [A-HJ-NP-Z0-9]{2}[0-9]{9}
HR [0-9]{11}
HU [0-9]{8}
IE [0-9][A-Z0-9+*][0-9]{5}[A-Z]{1,2}
IT [0-9]{11}
LT ([0-9]{9}|[0-9]{12})
LU [0-9]{8}
LV [0-9]{11}
MT [0-9]{8}
NL [A-Z0-9+*]{10}[0-9]{2}
PL [0-9]{10}
PT [0-9]{9}
RO [0-9]{2,10}
SE [0-9]{12}
SI [0-9]{8}
SK [0-9]{10}
XI ([0-9]{9}|[0-9]{12}|GD[0-9]{3}|HA[0-9]{3})`

// vatPrefix is the first two letters of a country's VAT numbers.
func vatPrefix(country string) string {
	if country == "GR" {
		return "EL"
	}
	return country
}

// vatForm is the pattern of a prefix, "" outside of the Union.
func vatForm(prefix string) string {
	for _, line := range strings.Split(vatForms, "\n") {
		if p, form, _ := strings.Cut(line, " "); p == prefix {
			return form
		}
	}
	return ""
}

// NormalVAT writes a VAT number in capital letters without spaces, dots or dashes,
// and says what is wrong with it. Numbers of the Union's members are held against
// their country's pattern, whether or not the person wrote the country's letters;
// others are taken as they come. That a number was given out is not checked.
func NormalVAT(number, country string) (normal, problem string) {
	normal = strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "", "/", "").Replace(strings.TrimSpace(number)))
	switch {
	case normal == "":
		return "", ""
	case country == "":
		return number, "Choose the country that the VAT number is from."
	case len(normal) < 4 || len(normal) > 20 || strings.Trim(normal, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+*") != "":
		return number, "A VAT number has 4 to 20 letters and digits."
	}
	prefix := vatPrefix(country)
	if country == "GB" && strings.HasPrefix(normal, "XI") {
		prefix = "XI"
	}
	form := vatForm(prefix)
	if form == "" {
		return normal, ""
	}
	if country == "GR" {
		normal = strings.TrimPrefix(normal, "GR")
	}
	rest := strings.TrimPrefix(normal, prefix)
	if ok, err := regexp.MatchString("^("+form+")$", rest); err != nil || !ok {
		return number, "This does not look like a VAT number from " + CountryName(country) + ". It begins with " + prefix + "."
	}
	return prefix + rest, ""
}
