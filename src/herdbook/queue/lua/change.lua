-- Applies operators' actions to one queue, in order.
--   KEYS[1]  the queue's key prefix
--   ARGV[1]  when the actions began, in Unix milliseconds by the server's clock: jobs that end later are not cleaned
--   ARGV[2]  the actions, in MessagePack: { {action, arguments...}, ... }
-- Returns for each an error message, true if more is left to do than one call may, or false if it is done.
-- use: removeJob-2
-- use: promote-9
-- use: pause-7
-- use: cleanJobsInSet-3

local prefix, now = KEYS[1], ARGV[1]
-- Keeps one call under about 5 ms.
local CLEAN_LIMIT = 250
local HELD = "a worker holds the job"

local function keys(...)
    local names = { ... }
    for i, name in ipairs(names) do
        names[i] = prefix .. name
    end
    return names
end

-- Without this check, a removal would search every list for a job that does not exist. BullMQ's own ids restart
-- after a flush, so a job with such an id is identified by its timestamp too.
local function is_gone(id, timestamp)
    local found = redis.call("HGET", prefix .. id, "timestamp")
    return not found or (timestamp ~= "" and tonumber(found) ~= tonumber(timestamp))
end

local function is_held(id)
    return redis.call("EXISTS", prefix .. id .. ":lock") == 1
end

local actions = {}

-- BullMQ does not remove the next run of a job scheduler: it stays, and its claim is rejected.
function actions.remove(id, timestamp)
    if is_gone(id, timestamp) then
        return false
    end
    return removeJob({ prefix .. id, prefix .. "repeat" }, { id, "0", prefix }) == 0 and HELD
end

-- A job that is held may be about to become delayed: its retry is recorded before it is acknowledged.
function actions.promote(id, timestamp)
    if is_gone(id, timestamp) then
        return false
    end
    local reply = promote(
        keys("delayed", "wait", "paused", "meta", "prioritized", "active", "pc", "events", "marker"), { prefix, id })
    return reply ~= 0 and is_held(id) and HELD
end

function actions.pause()
    pause(keys("wait", "paused", "meta", "prioritized", "events", "delayed", "marker"), { "paused" })
    return false
end

-- Jobs that an older BullMQ set aside come back some thousand at a time.
function actions.resume()
    return pause(keys("paused", "wait", "meta", "prioritized", "events", "delayed", "marker"), { "resumed" }) > 0
end

function actions.clean()
    local cleaned = cleanJobsInSet(keys("completed", "events", "repeat"), { prefix, now, CLEAN_LIMIT, "completed" })
    return #cleaned == CLEAN_LIMIT
end

local replies = {}
for i, change in ipairs(cmsgpack.unpack(ARGV[2])) do
    local ok, reply = pcall(actions[change[1]], unpack(change, 2))
    if ok then
        replies[i] = reply
    else
        replies[i] = type(reply) == "table" and reply.err or tostring(reply)
    end
end
return replies
