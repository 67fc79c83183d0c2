package main

// Names are the same in all clients: each is there once, and has a number.
var (
	numberOf = map[string]int{}
	nameOf   []string
)

func number(name []byte) int {
	if known, ok := numberOf[string(name)]; ok {
		return known
	}
	text := string(name)
	numberOf[text] = len(nameOf)
	nameOf = append(nameOf, text)
	return len(nameOf) - 1
}

// One resource as a server has sent it; the same one for all clients that were sent it.
type item struct {
	version string
	content *content
}

func (c *content) item(version []byte) *item {
	for _, known := range c.items {
		if known.version == string(version) {
			return known
		}
	}
	made := &item{version: string(version), content: c}
	c.items = append(c.items, made)
	return made
}

// What a client holds of a type, by the name's number: a thousand clients of ten thousand names are 80 MB of it.
type holdings struct{ items []*item }

func (h *holdings) get(number int) *item {
	if number < len(h.items) {
		return h.items[number]
	}
	return nil
}

func (h *holdings) set(number int, to *item) {
	if missing := number + 1 - len(h.items); missing > 0 {
		h.items = append(h.items, make([]*item, max(missing, len(nameOf)-len(h.items)))...)
	}
	h.items[number] = to
}

func (h *holdings) drop(number int) {
	if number < len(h.items) {
		h.items[number] = nil
	}
}

// Name to version, as a client says it when it comes back.
func (h *holdings) versions() map[string]string {
	result := map[string]string{}
	for number, one := range h.items {
		if one != nil {
			result[nameOf[number]] = one.version
		}
	}
	return result
}

// A set of names, by their numbers.
type nameSet []bool

func (s nameSet) has(number int) bool { return number < len(s) && s[number] }

func (s *nameSet) add(number int) {
	if missing := number + 1 - len(*s); missing > 0 {
		*s = append(*s, make(nameSet, max(missing, len(nameOf)-len(*s)))...)
	}
	(*s)[number] = true
}
