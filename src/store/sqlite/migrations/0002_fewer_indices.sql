-- Nobody looks a reservation up by its decision: the call's record names both.
DROP INDEX reservation_decision;
