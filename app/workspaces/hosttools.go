package workspaces

import "strings"

// HostImage is something that a host can make desktops from.
type HostImage struct {
	ID           string `json:"id" db:"image_id"`
	Name         string `json:"name" db:"name"` // docker reference
	FriendlyName string `json:"friendly_name" db:"friendly_name"`
	VCPU         int    `json:"vcpu" db:"vcpu"` // 0 for any size, -1 for one that no plan has
	RAMMB        int    `json:"ram_mb" db:"ram_mb"`
	Enabled      bool   `json:"enabled" db:"enabled"`
	Available    bool   `json:"available" db:"available"` // there already, nothing need be downloaded
	KeepsProfile bool   `json:"keeps_profile" db:"keeps_profile"`
}

// Makes tells whether desktops of a template in a size are made from this image.
func (i HostImage) Makes(template string, vcpu, ramMB int) bool {
	return i.Enabled && i.Named(template) && (i.VCPU == 0 || i.VCPU == vcpu && SameRAM(int64(i.RAMMB)<<20, ramMB))
}

// Named tells whether a template means this image: by its id, however its dashes
// stand, or by its docker name with or without the tag.
func (i HostImage) Named(template string) bool {
	return i.Name == template || withoutTag(i.Name) == template || i.ID == template ||
		i.ID == strings.ToLower(strings.ReplaceAll(template, "-", ""))
}

// withoutTag cuts the tag off a docker name; a colon before the last slash is a
// registry's port.
func withoutTag(name string) string {
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return name[:i]
	}
	return name
}

// SameRAM compares an image's memory with a plan's, with five per cent of play. A
// megabyte is 1024² or 1000² bytes, as whoever made the image understood it.
func SameRAM(bytes int64, ramMB int) bool {
	near := func(unit int64) bool {
		want := int64(ramMB) * unit
		off := max(bytes-want, want-bytes)
		return off*20 <= want
	}
	return near(1<<20) || near(1_000_000)
}

// HostCheck is one thing that a test of a host looked at.
type HostCheck struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Warning  bool   `json:"warning,omitempty"` // when it is not ok, the product works without it, but less well
	Sentence string `json:"sentence"`
}
