// Begins to write to the database named on the command line, as an operator's sqlite3 may, and holds it until it is killed.
import Database from "better-sqlite3";

const [path = ""] = process.argv.slice(2);
const database = new Database(path);
database.exec("BEGIN IMMEDIATE");
console.log("held");
// Only the kill ends this.
setInterval(() => database, 60_000);
