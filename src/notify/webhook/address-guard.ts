import { BlockList, isIP } from "node:net";

type Family = "ipv4" | "ipv6";

/** `address/bits`, by family. */
function blockListOf(ranges: readonly string[]): BlockList {
	const list = new BlockList();
	for (const range of ranges) {
		const [address = "", bits = ""] = range.split("/");
		list.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
	}
	return list;
}

/**
 * Nobody's webhook: link-local addresses, where clouds serve credentials to whoever asks, their other metadata addresses
 * (AWS, Alibaba, Azure, Oracle), and what is no single host's.
 */
const neverReached = blockListOf([
	"169.254.0.0/16",
	"fe80::/10",
	"fd00:ec2::254/128",
	"100.100.100.200/32",
	"168.63.129.16/32",
	"192.0.0.0/24",
	"0.0.0.0/8",
	"::/128",
	"224.0.0.0/4",
	"240.0.0.0/4",
	"ff00::/8",
]);

/** Networks of one's own (RFC 1918, 6598, 4193), and the machine itself. */
const privateNetworks = blockListOf([
	"127.0.0.0/8",
	"::1/128",
	"10.0.0.0/8",
	"172.16.0.0/12",
	"192.168.0.0/16",
	"100.64.0.0/10",
	"198.18.0.0/15",
	"fc00::/7",
	"fec0::/10",
]);

/** Where an IPv4 address stands in an IPv6 one, so many bytes from its beginning: mapped, compatible, NAT64, 6to4. */
const carriers: readonly { readonly ranges: BlockList; readonly at: number }[] = [
	{ ranges: blockListOf(["::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96"]), at: 12 },
	{ ranges: blockListOf(["64:ff9b:1::/48"]), at: 12 },
	{ ranges: blockListOf(["2002::/16"]), at: 2 },
];

/**
 * Why nothing may be sent to the address; null: it may.
 *
 * @param address an IP address, a zone after it included
 */
export function refusalOf(address: string, { denyPrivate }: { readonly denyPrivate: boolean }): string | null {
	const bare = address.replace(/%.*$/u, "");
	const family = isIP(bare);
	if (family === 0) return "is no address";
	if (family === 4) return refusalOfOne(bare, "ipv4", denyPrivate);
	const own = refusalOfOne(bare, "ipv6", denyPrivate);
	if (own !== null) return own;
	const carried = carriers.find(({ ranges }) => ranges.check(bare, "ipv6"));
	if (carried === undefined || bare === "::1") return null;
	return refusalOfOne(carriedIn(bare, carried.at), "ipv4", denyPrivate);
}

function refusalOfOne(address: string, family: Family, denyPrivate: boolean): string | null {
	if (neverReached.check(address, family)) return "is a link-local, metadata or reserved address";
	return denyPrivate && privateNetworks.check(address, family) ? "is a private address (denyPrivate)" : null;
}

function carriedIn(address: string, at: number): string {
	return bytesOf(address)
		.slice(at, at + 4)
		.join(".");
}

/** The 16 bytes of an IPv6 address; its last four may be written as IPv4. */
function bytesOf(address: string): readonly number[] {
	const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/u, (_all, ...parts: string[]) => {
		const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
		return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
	});
	const [head = "", tail = ""] = plain.split("::");
	const groupsOf = (text: string): number[] =>
		text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
	const [before, after] = [groupsOf(head), groupsOf(tail)];
	const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
	const groups = plain.includes("::") ? [...before, ...zeros, ...after] : before;
	return groups.flatMap((group) => [group >> 8, group & 0xff]);
}
