package main

import (
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// What one encoded resource says of a service, in words that all servers share. Decoded once for each distinct body.
type content struct {
	// Index in the name `svc-NNNNN`; -1: not of the benchmark.
	service int
	// EDS: the highest weight of an endpoint. CDS: the connect timeout in ms. Both are what changes set.
	marker uint64
	// CDS: the name under which its endpoints are asked for; empty when they are not.
	edsName   string
	edsNumber int
	// Equal for equal endpoints (address, port, weight), whatever else the server says of them; of clusters the timeout.
	digest    uint64
	endpoints int
	// As servers have sent it: one, or one for each version that they gave it.
	items []*item
}

var (
	seed     = maphash.MakeSeed()
	contents = map[uint64]*content{}
	// One lock for all state: the program runs on one core.
	mu        sync.Mutex
	serviceOf = regexp.MustCompile(`svc-(\d{5})`)
)

func contentOf(typeURL string, name, body []byte) *content {
	hash := maphash.Bytes(seed, body)
	if known, ok := contents[hash]; ok {
		return known
	}
	c := &content{service: -1}
	if match := serviceOf.FindSubmatch(name); match != nil {
		c.service, _ = strconv.Atoi(string(match[1]))
	}
	if typeURL == clusterType {
		readCluster(body, c)
	} else if typeURL == endpointType {
		readEndpoints(body, c)
	}
	contents[hash] = c
	return c
}

// Cluster: name 1, type 2 (EDS = 3), eds_cluster_config 3 {service_name 2}, connect_timeout 4.
func readCluster(body []byte, c *content) {
	var name, service string
	eds := false
	fields(body, func(number int, value uint64, body []byte) {
		switch number {
		case 1:
			name = string(body)
		case 2:
			eds = value == 3
		case 3:
			fields(body, func(number int, _ uint64, body []byte) {
				if number == 2 {
					service = string(body)
				}
			})
		case 4:
			var ms uint64
			fields(body, func(number int, value uint64, _ []byte) {
				if number == 1 {
					ms += value * 1000
				} else {
					ms += value / 1_000_000
				}
			})
			c.marker = ms
		}
	})
	if service == "" {
		service = name
	}
	if eds {
		c.edsName, c.edsNumber = service, number([]byte(service))
	}
	c.digest = digestOf(fmt.Sprint(c.marker))
}

// ClusterLoadAssignment: endpoints 2 {lb_endpoints 2 {endpoint 1 {address 1 {socket_address 1 {address 2, port 3}}},
// load_balancing_weight 4 {value 1}}}.
func readEndpoints(body []byte, c *content) {
	var all []string
	under(body, 2, func(locality []byte) {
		under(locality, 2, func(endpoint []byte) {
			address, port, weight := "", uint64(0), uint64(1)
			under(endpoint, 4, func(b []byte) {
				fields(b, func(_ int, value uint64, _ []byte) { weight = value })
			})
			under(endpoint, 1, func(b []byte) {
				under(b, 1, func(b []byte) {
					under(b, 1, func(b []byte) {
						fields(b, func(number int, value uint64, body []byte) {
							if number == 2 {
								address = string(body)
							} else if number == 3 {
								port = value
							}
						})
					})
				})
			})
			c.marker = max(c.marker, weight)
			all = append(all, fmt.Sprintf("%s:%d@%d", address, port, weight))
		})
	})
	sort.Strings(all)
	c.endpoints = len(all)
	c.digest = digestOf(strings.Join(all, ","))
}

func under(body []byte, wanted int, visit func([]byte)) {
	fields(body, func(number int, _ uint64, body []byte) {
		if number == wanted {
			visit(body)
		}
	})
}

// FNV-1a, so that the benchmark can say what it expects.
func digestOf(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

func hex(digest uint64) string { return fmt.Sprintf("%016x", digest) }
