/** A range of EIDs, both ends included, given by equally long leading digits: `89049032` to `89049033`. */
export interface EidRange {
	readonly from: string;
	readonly to: string;
}

/** Whether an unknown device may enrol itself. No range, the default, means never. */
export function mayEnrol(eid: string, ranges: readonly EidRange[]): boolean {
	return ranges.some(({ from, to }) => eid.slice(0, from.length) >= from && eid.slice(0, to.length) <= to);
}
