// Package lanes measures how fast blocks travel between two processes on one
// machine: by what NoiseFS uses, and by barer means that carry and hash the
// same blocks.
//
// The second process is a Holder. It has blocks that both processes draw from
// one seed, and offers them by every means at one time; nobody asks it but the
// first one, which takes the means in turn, several rounds of them, so that
// what else the machine does falls on all of them alike. Every block is hashed
// on arrival, and what is asked of the second process between measurements is
// how much CPU it has used.
package lanes
