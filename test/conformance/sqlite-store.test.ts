import { buildSqliteHouse } from "../_util/store-houses.ts";
import { describeStoreLaws } from "./store-laws.ts";

describeStoreLaws("SQLite", buildSqliteHouse);
