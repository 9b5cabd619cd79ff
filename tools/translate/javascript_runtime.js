const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const ISO_DATE =
  /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:[T ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?)?(?: ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?))?)?)?)?$/;
const BASIC_DATE = /^([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})Z?)?$/;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const AROUND = new RegExp(`^[${MODEL.whitespace}]+|[${MODEL.whitespace}]+$`, "g");

/**
 * Predict one row.
 *
 * @param cells by column a number, text, boolean or Date, typed or as the table writes it; null where it is missing
 * @returns `prediction`, `lower` and `upper` in the target's unit; of a rate, `total`, `total_lower` and `total_upper`
 *   as well, times the exposure; `contributions` by column and `pairs` by pair of columns, on the scale on which they and the intercept add up to the prediction
 * @throws RangeError: the model does not take a cell
 */
export function predict(cells) {
  const values = MODEL.inputs.map((column) =>
    read(column, Object.hasOwn(cells, column.name) ? cells[column.name] : null),
  );
  const places = MODEL.axes.map((axis) => find(axis, values[axis.input]));
  let total = MODEL.intercept;
  const [contributions, pairs] = [MODEL.contributions, MODEL.pairs].map((terms) =>
    Object.fromEntries(
      terms.map((term) => {
        const part = term.tables.reduce((sum, table) => sum + lookUp(table, places), 0);
        total += part;
        return [term.name, part];
      }),
    ),
  );
  const place = bisect(MODEL.edges, total);
  const exposure = MODEL.exposure === null ? null : values[MODEL.exposure];
  const [least, most] = MODEL.exposure_limits ?? [1, 1];
  const factor = widthFactor(places) / Math.sqrt(Math.min(Math.max(exposure, least), most));
  const prediction = back(total) * MODEL.factor;
  const [lower, upper] = [MODEL.lower, MODEL.upper].map((ends) => back(total + ends[place] * factor));
  const totals =
    exposure === null
      ? {}
      : { total: prediction * exposure, total_lower: lower * exposure, total_upper: upper * exposure };
  return { prediction, lower, upper, ...totals, contributions, pairs };
}

/** Give the factor by which the interval of this row is wider than that of an average one. */
function widthFactor(places) {
  if (MODEL.factor_limits === null) return 1;
  const [low, high] = MODEL.factor_limits;
  const wider = MODEL.widenings.reduce((sum, table) => sum + lookUp(table, places), 0);
  return Math.min(Math.max(Math.exp(wider), low), high);
}

/** Return from the scale of the sum to the target's unit. */
function back(total) {
  return { none: (x) => x, sqrt: (x) => Math.max(x, 0) ** 2, log: Math.exp, log1p: Math.expm1 }[MODEL.transform](total);
}

/** Read a table at the places of its axes. */
function lookUp(table, places) {
  const [i, s] = places[table.axes[0]];
  if (table.axes.length === 1) return between(table.values, i, s);
  const [j, t] = places[table.axes[1]];
  const first = between(table.values[i], j, t);
  return s ? first + s * (between(table.values[i + 1], j, t) - first) : first;
}

/** Interpolate between a place and the next. */
function between(values, place, share) {
  return share ? values[place] + share * (values[place + 1] - values[place]) : values[place];
}

/** Find the place of a value on an axis, and the share of the way to the next place. */
function find(axis, value) {
  const { knots, levels, part } = axis;
  const last = knots.length - 1;
  if (value === null) return [knots.length || levels.length + 1, 0];
  if (part === "month") value = new Date(Math.floor(value) * 1000).getUTCMonth() + 1;
  else if (part === "weekday") value = modulo(Math.floor(value / 86400) + 3, 7);
  else if (part === "hour") value = Math.floor(modulo(value, 86400) / 3600);
  else if (part === "days") value = (value - axis.start) / 86400;
  if (!knots.length) {
    const place = levels.indexOf(value);
    return [place < 0 ? levels.length : place, 0];
  }
  const place = bisect(knots, value) - 1;
  if (place < 0 || place >= last) return [Math.max(0, place), 0];
  return [place, (value - knots[place]) / (knots[place + 1] - knots[place])];
}

/** Count the members of an ascending list that are at most a value. */
function bisect(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < list[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Give the remainder of a division, never negative. */
function modulo(value, divisor) {
  return ((value % divisor) + divisor) % divisor;
}

/** Read a cell: a number (of a date, the seconds since 1970) or the text of a level; null where it is missing. */
function read(column, cell) {
  const text = typeof cell === "string" ? cell.replace(AROUND, "") : null;
  let value = null;
  if (cell !== null && cell !== undefined && !Number.isNaN(cell) && !column.missing.includes(text)) {
    value = readValue(column, text ?? cell);
    if (value !== null && (typeof value === "string" ? column.missing : column.marks).includes(value)) {
      value = null;
    } else if (value === null || !isValid(column, value)) {
      throw new RangeError(`${column.name} must be ${column.expects}; found ${JSON.stringify(cell) ?? String(cell)}`);
    }
  }
  if (value === null && column.required) throw new RangeError(`${column.name} is required`);
  return value;
}

/** Tell whether a value keeps the constraints of its column. */
function isValid(column, value) {
  if (column.allowed.length && !column.allowed.includes(value)) return false;
  if (typeof value === "string") {
    const length = [...value].length;
    const matches = column.pattern === null || new RegExp(`^(?:${column.pattern})$`).test(value);
    return matches && length >= (column.min_length ?? 0) && length <= (column.max_length ?? Infinity);
  }
  const inside = (column.low === null || value >= column.low) && (column.high === null || value <= column.high);
  return inside && !(column.whole && value % 1);
}

/** Read a cell that is not missing; null if it is none of its column's kind. */
function readValue(column, cell) {
  if (column.kind === "date") return readDate(column, cell);
  if (column.kind === "boolean" && typeof cell === "string") {
    return column.true_values.includes(cell) ? 1 : column.false_values.includes(cell) ? 0 : null;
  }
  if (column.kind === "level" && !column.whole) {
    return typeof cell === "boolean" ? (cell ? "True" : "False") : String(cell);
  }
  if (typeof cell === "string") {
    cell = rewrite(column, cell);
    if (!NUMBER.test(cell)) return null;
  } else if (!["number", "bigint", "boolean"].includes(typeof cell)) {
    return null;
  }
  const value = Number(cell);
  return Number.isFinite(value) && (column.kind !== "boolean" || value === 0 || value === 1) ? value : null;
}

/** Rewrite a number in the notation of the column for JavaScript. */
function rewrite(column, text) {
  const { group, decimal } = column;
  if (!column.bare_number) text = text.replace(/^[^0-9+\-.,]+|[^0-9]+$/g, "");
  if (group !== null && text.includes(group)) {
    text = new RegExp(`^(?:${column.grouped})$`).test(text) ? text.replaceAll(group, "") : "?";
  }
  return decimal === "." ? text : text.replaceAll(".", "?").replaceAll(decimal, ".");
}

/** Read a date as seconds since 1970 in UTC; null if the cell is none. */
function readDate(column, cell) {
  if (cell instanceof Date) return Number.isNaN(cell.getTime()) ? null : cell.getTime() / 1000;
  if (typeof cell !== "string") return null;
  const parts = { Y: 1, m: 1, d: 1, H: 0, M: 0, S: 0, f: "0" };
  let offset = 0;
  if (column.format === "default") {
    const found = ISO_DATE.exec(cell) ?? BASIC_DATE.exec(cell);
    if (found === null) return null;
    ["Y", "m", "d", "H", "M", "S", "f"].forEach((part, place) => {
      parts[part] = found[place + 1] ?? parts[part];
    });
    const [, sign, hours, minutes] = /^([+-])([0-9]{2}):?([0-9]{2})?$/.exec(found[8] ?? "") ?? [];
    if (sign) {
      offset = (Number(hours) * 60 + Number(minutes ?? 0)) * (sign === "-" ? -60 : 60);
      if (Math.abs(offset) >= 86400) return null;
    }
  } else {
    const found = new RegExp(`^(?:${column.date_pattern})$`, "i").exec(cell.replace(/(\.[0-9]{6})[0-9]+/g, "$1"));
    if (found === null) return null;
    column.date_parts.forEach((part, place) => {
      parts[part] = found[place + 1];
    });
    if (parts.y) parts.Y = Number(parts.y) + (Number(parts.y) <= 68 ? 2000 : 1900);
    if (parts.b || parts.B) parts.m = MONTHS.indexOf((parts.b ?? parts.B).slice(0, 3).toLowerCase()) + 1;
    if (parts.I) parts.H = (Number(parts.I) % 12) + (parts.p.toLowerCase() === "pm" ? 12 : 0);
  }
  const [year, month, day, hour, minute, second] = ["Y", "m", "d", "H", "M", "S"].map((part) => Number(parts[part]));
  const when = new Date(0);
  when.setUTCFullYear(year, month - 1, day);
  const exists = year >= 1 && when.getUTCMonth() === month - 1 && when.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 59) return null;
  const micro = Number(parts.f.slice(0, 6).padEnd(6, "0"));
  const seconds = when.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset;
  return seconds < -62135596800 || seconds >= 253402300800 ? null : seconds + micro / 1e6;
}
