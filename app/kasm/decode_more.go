package kasm

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"time"
)

type wireGroup struct {
	ID       ident    `json:"group_id"`
	Name     text     `json:"name"`
	Settings settings `json:"settings"`
	Other    settings `json:"group_settings"`
}

func (w wireGroup) group() Group {
	g := Group{ID: string(w.ID), Name: string(w.Name), Settings: w.Settings}
	if g.Settings == nil {
		g.Settings = w.Other
	}
	return g
}

// collect turns the items that can be read into what the product knows.
func collect[W, T any](l list[W], turn func(W) (T, bool)) ([]T, bool) {
	if !l.present {
		return nil, false
	}
	items := make([]T, 0, len(l.items))
	for _, w := range l.items {
		if item, ok := turn(w); ok {
			items = append(items, item)
		}
	}
	return items, true
}

// decodeUsers refuses a list with a person whose id cannot be read: leaving them
// out would read as "there is no such account".
func decodeUsers(data []byte) ([]User, bool) {
	var answer struct {
		Users list[wireUser] `json:"users"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	users, ok := collect(answer.Users, func(w wireUser) (User, bool) { return w.user(), w.ID != "" })
	if len(users) != len(answer.Users.items) {
		return nil, false
	}
	return users, ok
}

func decodeGroups(data []byte) ([]Group, bool) {
	var answer struct {
		Groups list[wireGroup] `json:"groups"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	return collect(answer.Groups, func(w wireGroup) (Group, bool) { return w.group(), w.ID != "" })
}

func decodeAttributes(data []byte) (Attributes, bool) {
	var answer struct {
		A struct {
			UserID       ident `json:"user_id"`
			SSHPublicKey text  `json:"ssh_public_key"`
			Theme        text  `json:"theme"`
			Language     text  `json:"preferred_language"`
			TimeZone     text  `json:"preferred_timezone"`
			DefaultImage ident `json:"default_image"`
			ShowTips     flag  `json:"show_tips"`
			Toggle       flag  `json:"toggle_control_panel"`
		} `json:"user_attributes"`
	}
	if !lenient(data, &answer) || answer.A.UserID == "" {
		return Attributes{}, false
	}
	a := answer.A
	return Attributes{
		UserID: string(a.UserID), SSHPublicKey: string(a.SSHPublicKey), Theme: string(a.Theme), Language: string(a.Language), TimeZone: string(a.TimeZone),
		DefaultImage: string(a.DefaultImage), ShowTips: bool(a.ShowTips), ToggleControlPanel: bool(a.Toggle),
	}, true
}

func decodeJoined(data []byte, base *url.URL) (Joined, bool) {
	var w struct {
		UserID   ident    `json:"user_id"`
		Username text     `json:"username"`
		URL      text     `json:"kasm_url"`
		Kasm     wireKasm `json:"kasm"`
	}
	if !lenient(data, &w) {
		return Joined{}, false
	}
	owner := string(w.Kasm.User.Username)
	if owner == "" {
		owner = string(w.Username)
	}
	j := Joined{KasmID: string(w.Kasm.ID), UserID: string(w.UserID), Username: owner, Link: absolute(base, string(w.URL))}
	return j, j.Link != ""
}

func decodeFrameStats(data []byte) (FrameStats, bool) {
	var w struct {
		Frame struct {
			Width   number `json:"resx"`
			Height  number `json:"resy"`
			Changed number `json:"changed"`
			Time    number `json:"server_time"` // milliseconds
		} `json:"frame"`
		Clients count `json:"clients"`
	}
	if !lenient(data, &w) || w.Frame.Width <= 0 || w.Frame.Height <= 0 {
		return FrameStats{}, false
	}
	return FrameStats{
		Width: small(w.Frame.Width), Height: small(w.Frame.Height), Changed: min(small(w.Frame.Changed), 100),
		ServerTime: time.Duration(small(w.Frame.Time)) * time.Millisecond, Clients: int(w.Clients),
	}, true
}

func decodeZones(data []byte) ([]Zone, bool) {
	type wire struct {
		ID     ident `json:"zone_id"`
		Name   text  `json:"zone_name"`
		Scales flag  `json:"auto_scaling_enabled"`
	}
	var answer struct {
		Zones list[wire] `json:"zones"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	return collect(answer.Zones, func(w wire) (Zone, bool) {
		return Zone{ID: string(w.ID), Name: string(w.Name), AutoScaling: bool(w.Scales)}, w.ID != ""
	})
}

func decodeLicences(data []byte) ([]Licence, bool) {
	type wire struct {
		ID       text            `json:"license_id"`
		Type     text            `json:"license_type"`
		SKU      text            `json:"sku"`
		IssuedTo text            `json:"issued_to"`
		Limit    number          `json:"limit"`
		Verified flag            `json:"is_verified"`
		Issued   moment          `json:"issued_at"`
		Expires  moment          `json:"expiration"`
		Features map[string]flag `json:"features"`
	}
	var answer struct {
		Licences list[wire] `json:"licenses"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	return collect(answer.Licences, func(w wire) (Licence, bool) {
		l := Licence{
			ID: string(w.ID), Type: string(w.Type), SKU: string(w.SKU), IssuedTo: string(w.IssuedTo), Limit: small(w.Limit),
			Verified: bool(w.Verified), Issued: time.Time(w.Issued), Expires: time.Time(w.Expires),
		}
		for name, on := range w.Features {
			if on {
				l.Features = append(l.Features, name)
			}
		}
		slices.Sort(l.Features)
		return l, w.ID != ""
	})
}

func decodeAgents(data []byte) ([]Agent, bool) {
	type wire struct {
		ID          ident  `json:"agent_id"`
		ServerID    ident  `json:"server_id"`
		Hostname    text   `json:"hostname"`
		Status      text   `json:"status"`
		ZoneID      ident  `json:"zone_id"`
		Enabled     flag   `json:"enabled"`
		Cores       number `json:"cores"`
		Memory      number `json:"memory"`
		MemoryBytes number `json:"memory_bytes"`
		GPUs        number `json:"gpus"`
		MaxKasms    number `json:"max_simultaneous_sessions"`
		OwnCores    number `json:"cores_override"`
		OwnMemory   number `json:"memory_override"`
	}
	var answer struct {
		Agents list[wire] `json:"agents"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	return collect(answer.Agents, func(w wire) (Agent, bool) {
		return Agent{
			ID: string(w.ID), ServerID: string(w.ServerID), Hostname: string(w.Hostname), Status: string(w.Status), ZoneID: string(w.ZoneID),
			Enabled: bool(w.Enabled), Cores: cores(w.OwnCores, w.Cores), MemoryBytes: either(w.OwnMemory, number(either(w.MemoryBytes, w.Memory))), GPUs: small(w.GPUs),
			MaxKasms: small(w.MaxKasms),
		}, w.ID != ""
	})
}

func decodeAgentReport(data []byte) ([]AgentLoad, bool) {
	type wire struct {
		Name        text   `json:"name"`
		ServerID    ident  `json:"server_id"`
		Health      text   `json:"health"`
		Kasms       count  `json:"kasms"`
		MemoryTotal number `json:"memory_total"`
		MemoryUsed  number `json:"memory_used"`
		MemoryFree  number `json:"memory_free"`
		DiskTotal   number `json:"disk_space"`
		DiskUsed    number `json:"disk_space_used"`
		DiskFree    number `json:"disk_space_free"`
	}
	var answer struct {
		Agents list[wire] `json:"agents"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	return collect(answer.Agents, func(w wire) (AgentLoad, bool) {
		return AgentLoad{
			Name: string(w.Name), ServerID: string(w.ServerID), Health: string(w.Health), Kasms: int(w.Kasms),
			MemoryTotal: w.MemoryTotal.int64(), MemoryUsed: w.MemoryUsed.int64(), MemoryFree: w.MemoryFree.int64(),
			DiskTotal: w.DiskTotal.int64(), DiskUsed: w.DiskUsed.int64(), DiskFree: w.DiskFree.int64(),
		}, w.ServerID != "" || w.Name != ""
	})
}

// decodeHistory looks for the list under every name that it may have: its shape is
// not written down anywhere.
func decodeHistory(data []byte) ([]PastSession, bool) {
	type wire struct {
		KasmID    ident  `json:"kasm_id"`
		UserID    ident  `json:"user_id"`
		Username  text   `json:"username"`
		ImageID   ident  `json:"image_id"`
		Start     moment `json:"start_date"`
		Created   moment `json:"created_date"`
		End       moment `json:"end_date"`
		Destroyed moment `json:"destroyed_date"`
	}
	var answer struct {
		History  list[wire] `json:"session_history"`
		Sessions list[wire] `json:"sessions"`
		Kasms    list[wire] `json:"kasms"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	for _, found := range []list[wire]{answer.History, answer.Sessions, answer.Kasms} {
		if found.present {
			return collect(found, func(w wire) (PastSession, bool) {
				return PastSession{
					KasmID: string(w.KasmID), UserID: string(w.UserID), Username: string(w.Username), ImageID: string(w.ImageID),
					Start: firstOf(w.Start, w.Created), End: firstOf(w.End, w.Destroyed),
				}, w.KasmID != ""
			})
		}
	}
	return nil, false
}

func firstOf(a, b moment) time.Time {
	if t := time.Time(a); !t.IsZero() {
		return t
	}
	return time.Time(b)
}

// small reads a count that has no business being large.
func small(n number) int { return int(min(n.int64(), math.MaxInt32)) }

// cores takes what the operator of the server set before what the machine has.
func cores(override, real number) float64 {
	if override > 0 {
		return float64(override)
	}
	return float64(max(real, 0))
}

// settings reads a group's settings: an object of names and values, or a list of
// objects that hold both. A value is kept as text.
type settings map[string]string

func (s *settings) UnmarshalJSON(b []byte) error {
	type pair struct {
		Name  text    `json:"name"`
		Value setting `json:"value"`
	}
	found := settings{}
	var named map[string]setting
	var pairs list[pair]
	switch {
	case lenient(b, &named):
		for name, value := range named {
			found[name] = string(value)
		}
	case pairs.UnmarshalJSON(b) == nil && pairs.present:
		for _, p := range pairs.items {
			if p.Name != "" {
				found[string(p.Name)] = string(p.Value)
			}
		}
	}
	if len(found) > 0 {
		*s = found
	}
	return nil
}

// setting reads a value of any plain type as its text.
type setting string

func (s *setting) UnmarshalJSON(b []byte) error {
	var t text
	_ = t.UnmarshalJSON(b)
	switch string(b) {
	case "true":
		t = "True"
	case "false":
		t = "False"
	}
	*s = setting(t)
	return nil
}

// decodeGroup reads the answer to the making of a group.
func decodeGroup(data []byte) (Group, bool) {
	var answer struct {
		Group wireGroup `json:"group"`
	}
	if !lenient(data, &answer) || answer.Group.ID == "" {
		return Group{}, false
	}
	return answer.Group.group(), true
}

// decodeGroupImages reads which images a group offers. Each is an image, or names
// one beside an id of its own.
func decodeGroupImages(data []byte) ([]string, bool) {
	type wire struct {
		ID    ident `json:"image_id"`
		Image struct {
			ID ident `json:"image_id"`
		} `json:"image"`
	}
	var answer struct {
		Images list[wire] `json:"images"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	return collect(answer.Images, func(w wire) (string, bool) {
		if w.ID == "" {
			w.ID = w.Image.ID
		}
		return string(w.ID), w.ID != ""
	})
}

// decodeImage reads the answer to the making of an image.
func decodeImage(data []byte) (Image, bool) {
	var answer struct {
		Image wireImage `json:"image"`
	}
	if !lenient(data, &answer) || answer.Image.ID == "" {
		return Image{}, false
	}
	return answer.Image.image(), true
}

// decodeRawImage finds an image in the list of all, with every field as it came.
func decodeRawImage(data []byte, id string) (map[string]json.RawMessage, bool) {
	var answer struct {
		Images []json.RawMessage `json:"images"`
	}
	if !lenient(data, &answer) {
		return nil, false
	}
	for _, raw := range answer.Images {
		var named struct {
			ID ident `json:"image_id"`
		}
		var fields map[string]json.RawMessage
		if lenient(raw, &named) && string(named.ID) == id && json.Unmarshal(raw, &fields) == nil {
			return fields, true
		}
	}
	return nil, false
}
